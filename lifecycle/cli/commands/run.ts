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
  const toolbox = openToolbox(host, options);
  const { places, ctx } = toolbox;
  const image = await requireImage(toolbox.images, name);
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
