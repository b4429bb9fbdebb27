import { resolve } from "node:path";
import { InputError } from "../../errors.ts";
import type { PullPolicy } from "../../platform/build/request.ts";
import { builderOfToml } from "../../platform/builder/builder-of-toml.ts";
import { readTarget } from "../../platform/buildpacks/read-platform.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  readVariables,
  type TspackHost,
} from "../toolbox.ts";
import { requireFile } from "../../platform/require-file.ts";

/** Options of `tspack builder create`. */
export interface BuilderCreateOptions extends CommonOptions {
  readonly config: string;
  readonly publish?: boolean;
  readonly mirror?: string;
  readonly tag?: readonly string[];
  readonly label?: readonly string[];
  readonly target?: readonly string[];
  readonly pullPolicy?: PullPolicy;
  readonly json?: boolean;
}

/** `tspack builder create`: an image of a `builder.toml`. */
export async function createBuilderCommand(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: BuilderCreateOptions,
): Promise<void> {
  const refs = [imageArgument(name), ...(options.tag ?? []).map((text) => imageArgument(text, "--tag"))];
  const [target, ...others] = (options.target ?? []).map((text) => readTarget(text, "--target").platform);
  if (others.length > 0) {
    const issue = { source: "--target", path: "", expected: "one target", got: (options.target ?? []).join(", ") };
    throw new InputError("INVALID_ARGUMENTS", "a builder is made for one target at a time", [issue], {
      hint: "run it once for each, under different names, and join them with tspack manifest",
    });
  }
  const toolbox = openToolbox(host, options);
  const image = await builderOfToml(toolbox, {
    file: requireFile(resolve(host.cwd, options.config), "--config"),
    mirror: options.mirror,
    platform: target,
    labels: readVariables(options.label ?? [], {}, "--label"),
    pullPolicy: options.pullPolicy,
  });
  const { digest } = await (options.publish === true ? toolbox.registries : toolbox.local).write(image, refs, {
    ctx: toolbox.ctx,
  });
  const names = refs.map(familiarName);
  if (options.json === true) host.stdout(`${JSON.stringify({ names, digest })}\n`);
  else
    host.stdout(
      `Made builder ${names.join(", ")}\n  digest  ${digest}\n\nNext: tspack build IMAGE --builder ${name}\n`,
    );
}
