import { lstatSync, readFileSync } from "node:fs";
import { platformApis } from "../../cnb/api/platform.ts";
import { decodeToml } from "../../decode.ts";
import { TspackError } from "../../errors.ts";
import { parseToml, type TomlDocument } from "../../toml.ts";
import type { Context } from "../../context.ts";
import { decodeRunToml, decodeStackToml, type RunImageForExport } from "../../cnb/files/run-toml.ts";
import type { Owner } from "../../layers/place.ts";
import type { Image } from "../../oci/image.ts";
import { variable } from "../../oci/mutate.ts";
import { fileInRootfs } from "../rootfs-files.ts";
import { unpackRootfs } from "../rootfs.ts";

/** A builder image that is ready to build with. */
export interface Builder {
  /** How messages call it. */
  readonly name: string;
  /** Its unpacked root file system. */
  readonly rootfs: string;
  /** The build user, `CNB_USER_ID:CNB_GROUP_ID`: who owns what is exported. */
  readonly user: Owner;
  /** `run.toml`: the run images to choose from, best first. */
  readonly runImages: readonly RunImageForExport[];
  /** The newest Platform API that its lifecycle and tspack both speak. */
  readonly platformApi: string;
  /** Environment of its image config, without PATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly lifecycleVersion: string;
}

/**
 * Unpacks a builder image and reads what it says of itself. Throws `INVALID_BUILDER` with what
 * is missing. Distribution specification, builder; Platform specification, "Builder".
 */
export async function openBuilder(name: string, image: Image, rootfsDir: string, ctx: Context): Promise<Builder> {
  const { value } = await image.config();
  const env = value.config?.Env ?? [];
  const rootfs = await unpackRootfs(image, rootfsDir, `builder ${name}`, ctx);
  return builderIn(name, rootfs, env);
}

/** The builder whose container this process runs in. Throws `INVALID_BUILDER`. */
export function builderHere(env: Readonly<Record<string, string | undefined>>): Builder {
  const own = ["CNB_USER_ID", "CNB_GROUP_ID", "PATH"].flatMap((key) =>
    env[key] === undefined ? [] : [`${key}=${env[key]}`],
  );
  return builderIn("this container", "/", own);
}

function builderIn(name: string, rootfs: string, env: readonly string[]): Builder {
  const lifecycle = readLifecycle(name, rootfs);
  if (fileInRootfs(rootfs, "/cnb/order.toml") === undefined) {
    throw invalidBuilder(name, "it has no order of buildpacks: /cnb/order.toml missing");
  }
  return {
    name,
    rootfs,
    user: { uid: userId(name, env, "CNB_USER_ID"), gid: userId(name, env, "CNB_GROUP_ID") },
    runImages: readRunImages(name, rootfs),
    platformApi: newestCommonApi(name, lifecycle.platformApis),
    env: environment(env),
    lifecycleVersion: lifecycle.version,
  };
}

function userId(name: string, env: readonly string[], variableName: string): number {
  const text = variable(env, variableName);
  if (text !== undefined && /^\d{1,10}$/.test(text)) return Number(text);
  throw invalidBuilder(
    name,
    `its variable ${variableName} is ${text === undefined ? "missing" : JSON.stringify(text)}, and has to be a number`,
  );
}

function environment(env: readonly string[]): Readonly<Record<string, string>> {
  const entries = env.map(
    (entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const,
  );
  return Object.fromEntries(entries.filter(([key]) => key !== ""));
}

interface LifecycleDescription {
  readonly version: string;
  readonly platformApis: readonly string[];
}

function readLifecycle(name: string, rootfs: string): LifecycleDescription {
  const programs = ["detector", "builder"].filter((program) => !hasProgram(rootfs, program));
  if (programs.length > 0)
    throw invalidBuilder(name, `it has no lifecycle: /cnb/lifecycle/${programs.join(" and ")} missing`);
  const file = fileInRootfs(rootfs, "/cnb/lifecycle/lifecycle.toml");
  // A builder of another platform has no lifecycle.toml beside the programs.
  if (file === undefined) return { version: "unknown", platformApis };
  return decodeToml(
    parseToml(readFileSync(file), `${name}:/cnb/lifecycle/lifecycle.toml`),
    { code: "INVALID_BUILDER" },
    (root) => {
      const apis = root.subTable("apis").subTable("platform");
      const declared = [...(apis.strings("deprecated") ?? []), ...(apis.strings("supported") ?? [])];
      return {
        version: root.subTable("lifecycle").string("version") ?? "unknown",
        platformApis: declared.length === 0 ? platformApis : declared,
      };
    },
  );
}

/** The programs are links to one file, so the link itself is what counts. */
function hasProgram(rootfs: string, program: string): boolean {
  const directory = fileInRootfs(rootfs, "/cnb/lifecycle");
  return directory !== undefined && lstatSync(`${directory}/${program}`, { throwIfNoEntry: false }) !== undefined;
}

function newestCommonApi(name: string, theirs: readonly string[]): string {
  const common = platformApis.filter((api) => theirs.includes(api)).at(-1);
  if (common !== undefined) return common;
  throw invalidBuilder(
    name,
    `its lifecycle speaks Platform API ${theirs.join(", ")}, and tspack ${platformApis.join(", ")}`,
  );
}

function readRunImages(name: string, rootfs: string): readonly RunImageForExport[] {
  const [run, stack] = [fileInRootfs(rootfs, "/cnb/run.toml"), fileInRootfs(rootfs, "/cnb/stack.toml")];
  const read = (file: string, path: string): TomlDocument => parseToml(readFileSync(file), `${name}:${path}`);
  if (run !== undefined) return decodeRunToml(read(run, "/cnb/run.toml")).images;
  if (stack === undefined) return [];
  return [decodeStackToml(read(stack, "/cnb/stack.toml"))];
}

function invalidBuilder(name: string, reason: string): TspackError {
  return new TspackError("INVALID_BUILDER", `${name} can not be used as a builder: ${reason}`, {
    hint: "make a builder with tspack builder create, or leave --builder out for the default one",
  });
}
