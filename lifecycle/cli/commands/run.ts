import { TspackError } from "../../errors.ts";
import { runImage } from "../../platform/run/run-image.ts";
import { findSandbox, type SandboxKind } from "../../platform/runners/sandbox/sandbox.ts";
import {
  type CommonOptions,
  ExitWith,
  imageArgument,
  openToolbox,
  readVariables,
  type TspackHost,
} from "../toolbox.ts";
import { sandboxInit, searchPath } from "./build.ts";

/** Options of `tspack run`. */
export interface RunOptions extends CommonOptions {
  readonly env: readonly string[];
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
  const { images, places, ctx } = openToolbox(host, options);
  const image = await images.resolve(imageArgument(name));
  if (image === undefined)
    throw new TspackError(
      "IMAGE_NOT_FOUND",
      `there is no image ${name}, neither in the local store nor in its registry`,
      { hint: "tspack images list shows the local ones" },
    );
  const sandbox = await findSandbox({ path: searchPath(host), init: sandboxInit(host), only: options.sandbox });
  const env = readVariables(options.env, host.env);
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
