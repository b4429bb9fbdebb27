import { InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { runImage } from "../../platform/run/run-image.ts";
import { requireImage } from "../../platform/require-image.ts";
import { sandboxSearch } from "../../platform/tools.ts";
import { findSandbox, type SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import { type CommonOptions, ExitWith, openToolbox, readVariables, type TspackHost } from "../toolbox.ts";

/** Options of `tspack run`. */
export interface RunOptions extends CommonOptions {
  readonly env?: readonly string[];
  readonly entrypoint?: string;
  readonly workdir?: string;
  readonly network: "host" | "none";
  readonly sandbox?: SandboxKind;
}

/** `tspack run`: starts an image in the sandbox; ends with its status. */
export async function run(
  host: TspackHost,
  [name = "", ...args]: readonly string[],
  options: RunOptions,
): Promise<void> {
  checkPlace(options);
  const toolbox = openToolbox(host, options);
  const { places, ctx } = toolbox;
  const image = await requireImage(toolbox.images, name);
  await checkPlatform(name, image);
  const sandbox = await findSandbox(sandboxSearch(host, options.sandbox));
  const env = readVariables(options.env ?? [], host.env);
  const inputs = {
    name,
    image,
    entrypoint: options.entrypoint,
    args,
    env,
    workdir: options.workdir,
    network: options.network === "host",
  };
  const code = await runImage(inputs, { sandbox, rootfsDir: places.rootfs, runsDir: places.builds, ctx });
  if (code !== 0) throw new ExitWith(code);
}

function checkPlace({ workdir, entrypoint }: RunOptions): void {
  const issues = [
    ...(workdir === undefined || workdir.startsWith("/") ? [] : [["--workdir", "an absolute path", workdir] as const]),
    ...(entrypoint === "" ? [["--entrypoint", "a program or a process type", entrypoint] as const] : []),
  ].map(([source, expected, got]) => ({ source, path: "", expected, got: JSON.stringify(got) }));
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "the image can not be started so", issues);
}

async function checkPlatform(name: string, image: Image): Promise<void> {
  const { os, architecture } = (await image.config()).value;
  const own = machinePlatform();
  if (os === own.os && architecture === own.architecture) return;
  const message = `${name} is for ${os}/${architecture}, and this machine is ${own.os}/${own.architecture}`;
  throw new TspackError("INVALID_IMAGE", message, { hint: "run it on such a machine, or with an engine that can" });
}
