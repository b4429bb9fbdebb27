import { resolve } from "node:path";
import { imageOfBuilderToml } from "../../platform/builder/choose-builder.ts";
import { type CommonOptions, familiarName, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack builder create`. */
export interface BuilderCreateOptions extends CommonOptions {
  readonly config: string;
  readonly publish?: boolean;
  readonly mirror?: string;
}

/** `tspack builder create`: an image of a `builder.toml`. */
export async function createBuilderCommand(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: BuilderCreateOptions,
): Promise<void> {
  const ref = imageArgument(name);
  const toolbox = openToolbox(host, options);
  const image = await imageOfBuilderToml(toolbox, resolve(host.cwd, options.config), options.mirror);
  const { digest } = await (options.publish === true ? toolbox.registries : toolbox.local).write(image, [ref], {
    ctx: toolbox.ctx,
  });
  host.stdout(`Made builder ${familiarName(ref)}\n  digest  ${digest}\n\nNext: tspack build IMAGE --builder ${name}\n`);
}
