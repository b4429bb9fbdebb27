import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import {
  action,
  buildpackRegistryOption,
  collect,
  command,
  common,
  examples,
  outputOption,
  outputOptions,
  pullPolicyOption,
} from "./declare.ts";

/** `tspack builder`. */
export function addBuilder(program: Command, host: TspackHost): void {
  const builder = command(program, "builder", "Builders: build image, lifecycle and buildpacks in one");
  examples(builder, ["tspack builder create my/builder --config builder.toml", "tspack builder inspect my/builder"]);
  addCreate(builder, host);
  addInspect(builder, host);
  const suggest = command(builder, "suggest", "Name builders to begin with");
  action(outputOptions(suggest), host, async () => (await import("../commands/builder-suggest.ts")).suggestBuilders);
  examples(suggest, ["tspack builder suggest"]);
}

function addCreate(builder: Command, host: TspackHost): void {
  const create = command(builder, "create", "Make a builder of a builder.toml")
    .argument("<image>", "name of the builder")
    .requiredOption("-c, --config <file>", "the builder.toml")
    .option("--publish", "send it to its registry: the same as --output registry")
    .addOption(outputOption())
    .option("--tag <image>", "a further name of the builder (repeatable)", collect)
    .option("-l, --label <label>", "NAME=VALUE, a label of the image (repeatable)", collect)
    .option("-t, --target <target>", "OS/ARCHITECTURE[/VARIANT] (repeatable); those of the file when absent", collect)
    .addOption(pullPolicyOption())
    .addOption(buildpackRegistryOption("-R"))
    .option("--mirror <url>", "Debian mirror, when the default stack has to be made")
    .option("--json", "print the result as JSON");
  action(common(create), host, async () => (await import("../commands/builder.ts")).createBuilderCommand);
  examples(create, [
    "tspack builder create my-builder --config builder.toml",
    "tspack builder create registry.example.com/builders/mine:1 --config builder.toml --publish",
  ]);
}

function addInspect(builder: Command, host: TspackHost): void {
  const formats = ["human-readable", "json", "yaml", "toml"];
  const inspect = command(builder, "inspect", "Show what a builder has, in its registry and here")
    .argument("[image]", "name of the builder; the default one when absent")
    .option("-d, --depth <levels>", "how deep composite buildpacks are shown; all levels when absent")
    .addOption(new Option("-o, --output <format>", "how it is printed").choices(formats).default("human-readable"));
  action(common(inspect), host, async () => (await import("../commands/builder-inspect.ts")).inspectBuilder);
  examples(inspect, ["tspack builder inspect my-builder", "tspack builder inspect my-builder --output json --depth 1"]);
}
