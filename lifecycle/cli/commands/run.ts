import { resolve } from "node:path";
import { InputError, type InputIssue, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { readEnvFile } from "../../platform/project/env-file.ts";
import { readPublishedPorts } from "../../platform/run/published-port.ts";
import { runImage } from "../../platform/run/run-image.ts";
import { runVolumes } from "../../platform/run/run-volumes.ts";
import { withEngineImages } from "../../platform/image-places/engine-images.ts";
import { requireFileImage } from "../../platform/image-places/file-places.ts";
import { withImagePlaces } from "../../platform/image-places/open-places.ts";
import { isFilePlace } from "../../platform/image-places/parse-place.ts";
import { requireImage } from "../../platform/require-image.ts";
import { sandboxSearch } from "../../platform/tools.ts";
import { findSandbox, type SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import { exitCodes } from "../exit-codes.ts";
import { type CommonOptions, ExitWith, openToolbox, readVariables, type Toolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack run`. */
export interface RunOptions extends CommonOptions {
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly entrypoint?: string;
  readonly workdir?: string;
  readonly user?: string;
  readonly publish?: readonly string[];
  readonly volume?: readonly string[];
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly network: "host" | "none";
  readonly sandbox?: SandboxKind;
  readonly name?: string;
  readonly detach?: boolean;
}

/**
 * `tspack run`: starts an image in the sandbox; ends with its status. What goes wrong before it was
 * started ends with 125, as with engines, so that it is no status of the application.
 */
export async function run(host: TspackHost, words: readonly string[], options: RunOptions): Promise<void> {
  let code: number;
  try {
    code = await start(host, words, options);
  } catch (error) {
    if (host.signal.aborted || (error instanceof TspackError && error.code === "CANCELED")) throw error;
    throw new ExitWith(exitCodes.notStarted, error);
  }
  if (code !== 0) throw new ExitWith(code);
}

async function start(host: TspackHost, [name = "", ...args]: readonly string[], options: RunOptions): Promise<number> {
  checkOptions(host, options);
  return withImage(name, openToolbox(host, options), async (image, toolbox) => {
    const { places, ctx } = toolbox;
    const env = { ...variablesOf(host, options), ...readVariables(options.env ?? [], host.env) };
    const ports = readPublishedPorts(options.publish ?? []);
    const volumes = await runVolumes(options.volume ?? [], toolbox);
    await checkPlatform(name, image);
    const sandbox = await findSandbox(sandboxSearch(host, options.sandbox));
    const { entrypoint, workdir, user, interactive = false } = options;
    const terminal = host.interactive === true;
    const network = options.network === "host";
    const inputs = {
      name,
      image,
      entrypoint,
      args,
      env,
      workdir,
      user,
      network,
      ports,
      volumes,
      interactive,
      terminal,
    };
    const { signals } = host;
    return runImage(inputs, { sandbox, rootfsDir: places.rootfs, runsDir: places.builds, signals, ctx });
  });
}

/** Works with the image that a name means: of a store, a container engine, a registry, or a file. */
async function withImage<R>(
  name: string,
  toolbox: Toolbox,
  work: (image: Image, toolbox: Toolbox) => Promise<R>,
): Promise<R> {
  if (!isFilePlace(name))
    return withEngineImages(toolbox, async (tools) => work(await requireImage(tools.images, name), tools));
  return withImagePlaces(toolbox, async ({ open }) => work(await requireFileImage(await open(name)), toolbox));
}

/** Variables of files, and the kind of the terminal when there is one; `--env` comes after them. */
function variablesOf({ cwd, env }: TspackHost, { envFile = [], tty }: RunOptions): Readonly<Record<string, string>> {
  const kind = tty === true ? { TERM: env["TERM"] ?? "xterm" } : {};
  return Object.assign(kind, ...envFile.map((file) => readEnvFile(resolve(cwd, file), env).variables)) as Record<
    string,
    string
  >;
}

function checkOptions(host: TspackHost, options: RunOptions): void {
  const { workdir, entrypoint, user, network, publish = [], tty, name, detach } = options;
  const issues: InputIssue[] = [];
  const refuse = (source: string, expected: string, got: string): void => {
    issues.push({ source, path: "", expected, got });
  };
  if (workdir !== undefined && !workdir.startsWith("/"))
    refuse("--workdir", "an absolute path", JSON.stringify(workdir));
  if (entrypoint === "") refuse("--entrypoint", "a program or a process type", '""');
  if (user !== undefined && !/^[^:\s]+(:[^:\s]+)?$/.test(user))
    refuse("--user", "USER or USER:GROUP, names or numbers", JSON.stringify(user));
  if (network === "none" && publish.length > 0)
    refuse("--publish", "--network host: without a network nothing leads to the application", "--network none");
  if (tty === true && host.interactive !== true)
    refuse("--tty", "standard input and output on a terminal: the application gets this one", "none");
  if (name !== undefined)
    refuse("--name", "no name: what runs is not kept anywhere, and ends with tspack", JSON.stringify(name));
  if (detach === true)
    refuse(
      "--detach",
      "to stay: nothing would keep the application; put tspack itself into the background",
      "--detach",
    );
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "the image can not be started so", issues);
}

async function checkPlatform(name: string, image: Image): Promise<void> {
  const { os, architecture } = (await image.config()).value;
  const own = machinePlatform();
  if (os === own.os && architecture === own.architecture) return;
  const message = `${name} is for ${os}/${architecture}, and this machine is ${own.os}/${own.architecture}`;
  throw new TspackError("INVALID_IMAGE", message, { hint: "run it on such a machine, or with an engine that can" });
}
