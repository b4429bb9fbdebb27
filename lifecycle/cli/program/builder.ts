import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack builder`. */
export function addBuilder(program: Command, host: TspackHost): void {
  const builder = command(program, "builder", "Builders: build image, lifecycle and buildpacks in one");
  const create = command(builder, "create", "Make a builder of a builder.toml")
    .argument("<image>", "name of the builder")
    .requiredOption("-c, --config <file>", "the builder.toml")
    .option("--publish", "send it to its registry instead of the local store")
    .option("--mirror <url>", "Debian mirror, when the default stack has to be made");
  action(common(create), host, async () => (await import("../commands/builder.ts")).createBuilderCommand);
  examples(create, ["tspack builder create my-builder --config builder.toml"]);
}
