import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { type ImageRef, refName } from "../../oci/reference.ts";
import { buildImage, type BuildImageInputs } from "../../platform/build/build-image.ts";
import { builderHere } from "../../platform/builder/builder.ts";
import { buildVariables } from "../../platform/build/build-variables.ts";
import type { SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import { chooseRunner, type RunnerChoice } from "../../platform/runners/choose-runner.ts";
import type { AccessCheck } from "../../stores/store.ts";
import { extraCertificates, proxiesFrom } from "../registry-access.ts";
import {
  type CommonOptions,
  imageArgument,
  openToolbox,
  readVariables,
  type Toolbox,
  type TspackHost,
} from "../toolbox.ts";
import { chooseBuilder } from "./builder-choice.ts";
import { buildSummary, printSummary } from "./build-summary.ts";

/** Options of `tspack build`, as the command line names them. */
export interface BuildOptions extends CommonOptions {
  readonly path: string;
  readonly builder?: string;
  readonly publish?: boolean;
  readonly tag?: readonly string[];
  readonly runImage?: string;
  readonly previousImage?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly defaultProcess?: string;
  readonly clearCache?: boolean;
  readonly network: "host" | "none";
  readonly runner: RunnerChoice;
  readonly sandbox?: SandboxKind;
  readonly creationTime?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** `tspack build`: source code in, image out. */
export async function build(host: TspackHost, [name = ""]: readonly string[], options: BuildOptions): Promise<void> {
  const began = performance.now();
  const names = [name, ...(options.tag ?? [])].map((text) => imageArgument(text));
  const toolbox = openToolbox(host, options);
  const env = readVariables(
    [...(options.envFile ?? []).flatMap((file) => linesOf(resolve(host.cwd, file))), ...(options.env ?? [])],
    host.env,
  );
  const creation = creationTime(options.creationTime);
  // Before the builder: that may take a minute, and without a runner it is of no use.
  const search = { path: searchPath(host), init: sandboxInit(host), only: options.sandbox, uid: host.uid };
  const runner = await chooseRunner(options.runner, search, toolbox.ctx);
  if (options.runner === "in-place") warnOfSharedUser(host, toolbox);
  const builder =
    options.runner === "in-place"
      ? builderHere(host.env)
      : await chooseBuilder(toolbox, options.builder, options.mirror);
  const cacheDir = cacheDirectory(toolbox, names, options);
  const inputs: BuildImageInputs = {
    names,
    appDir: resolve(host.cwd, options.path),
    include: () => true,
    builder,
    runImage: options.runImage,
    previousImage:
      options.previousImage === undefined ? undefined : imageArgument(options.previousImage, "--previous-image"),
    env: { ...(await buildVariables(host.env, toolbox.places, host.cwd)), ...env },
    phaseEnv: proxyVariables(host),
    certificates: extraCertificates(host.env) ?? extraCertificates({ SSL_CERT_FILE: host.env["NODE_EXTRA_CA_CERTS"] }),
    network: options.network === "host",
    defaultProcess: options.defaultProcess,
    sourceDateEpoch: creation,
    verbose: options.verbose === true,
  };
  const { images, registries, local, places, ctx } = toolbox;
  const publish = options.publish === true;
  const destination = publish ? registries : local;
  const result = await buildImage(inputs, {
    // The image continues the one that is there under its name, and there only.
    images: { resolve: (ref, settings) => (isOneOf(ref, names) ? destination : images).resolve(ref, settings) },
    sink: destination,
    access: publish ? publishingAccess(toolbox, names) : undefined,
    runner,
    blobs: await toolbox.blobs(),
    buildsDir: places.builds,
    cacheDir,
    ctx,
  });
  const summary = await buildSummary(result, {
    names,
    publish,
    places,
    runner: runner.name,
    seconds: (performance.now() - began) / 1000,
  });
  printSummary(summary, toolbox, options);
}

/** What is in the local store can be read, whatever a registry of that name says; the image itself has to be in the registry. */
function publishingAccess({ local, registries }: Toolbox, names: readonly ImageRef[]): AccessCheck {
  return {
    checkAccess: async (ref, want) => {
      if (want === "read" && !isOneOf(ref, names) && (await local.resolve(ref)) !== undefined) return;
      await registries.checkAccess(ref, want);
    },
  };
}

/** One user's processes can read each other's environment and files: without root nothing hides ours in place. */
function warnOfSharedUser({ uid, env }: TspackHost, { ctx }: Toolbox): void {
  if (uid === 0 || (env["CNB_REGISTRY_AUTH"] ?? "") === "") return;
  ctx.logger.warn(
    "buildpacks run as the same user as tspack and can read CNB_REGISTRY_AUTH; start tspack as root of the container, or run the phases of the lifecycle separately",
  );
}

function isOneOf(ref: ImageRef, names: readonly ImageRef[]): boolean {
  return names.some((name) => name.registry === ref.registry && name.repository === ref.repository);
}

/** One build cache for each application image, by its name. */
function cacheDirectory({ places }: Toolbox, [main]: readonly ImageRef[], { clearCache }: BuildOptions): string {
  const key = createHash("sha256")
    .update(main === undefined ? "" : refName(main))
    .digest("hex")
    .slice(0, 32);
  const directory = join(places.caches, key);
  if (clearCache === true) rmSync(directory, { recursive: true, force: true });
  return directory;
}

function linesOf(file: string): readonly string[] {
  try {
    const lines = readFileSync(file, "utf8").split(/\r?\n/);
    return lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
  } catch (cause) {
    const issue = { source: "--env-file", path: "", expected: "a file that can be read", got: JSON.stringify(file) };
    throw new InputError("FILE_NOT_FOUND", `the file of --env-file can not be read`, [issue], { cause });
  }
}

function creationTime(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (given === "now") return String(Math.floor(Date.now() / 1000));
  if (/^\d{1,12}$/.test(given)) return given;
  const issue = {
    source: "--creation-time",
    path: "",
    expected: "seconds since 1970, or now",
    got: JSON.stringify(given),
  };
  throw new InputError("INVALID_ARGUMENTS", "the creation time can not be read", [issue]);
}

function proxyVariables({ env }: TspackHost): Readonly<Record<string, string>> {
  const { http, https, no } = proxiesFrom(env);
  const entries = [
    ["HTTP_PROXY", http],
    ["HTTPS_PROXY", https],
    ["NO_PROXY", no],
  ] as const;
  return Object.fromEntries(
    entries.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            [name, value],
            [name.toLowerCase(), value],
          ],
    ),
  );
}

/** Directories of programs. */
export function searchPath({ env }: TspackHost): readonly string[] {
  return (env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(":");
}

/** Our first process of sandboxes that `unshare` makes. */
export function sandboxInit({ packageRoot }: TspackHost): string {
  return join(packageRoot, "dist/native", `linux-${process.arch === "arm64" ? "arm64" : "amd64"}`, "sandbox-init");
}
