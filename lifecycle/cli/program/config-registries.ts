import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, examples, listCommand, outputOptions } from "./declare.ts";

/** `tspack config registries`. */
export function addRegistries(config: Command, host: TspackHost): void {
  const about = "Buildpack registries, in which NAMESPACE/NAME@VERSION of a buildpack is looked up";
  const registries = command(config, "registries", about).alias("registry");
  const load = () => import("../commands/config-registries.ts");
  const list = listCommand(registries, "Show the buildpack registries; the default one has a star");
  action(outputOptions(list), host, async () => (await load()).listBuildpackRegistries);
  const add = command(registries, "add", "Make a buildpack registry known")
    .argument("<id>", "a name for it")
    .argument("<url>", "its Git repository: https://, ssh:// or file://")
    .option("--default", "take it when none is named")
    .addOption(
      new Option("--type <type>", "how one applies for an entry: an issue or a commit")
        .choices(["git", "github"])
        .default("github"),
    );
  action(outputOptions(add), host, async () => (await load()).addBuildpackRegistry);
  const remove = command(registries, "remove", "Forget a buildpack registry").argument("<index>", "its name");
  action(outputOptions(remove), host, async () => (await load()).removeBuildpackRegistry);
  const byDefault = command(registries, "default", "Show, set or unset the registry that is taken when none is named")
    .argument("[index]", "its name; it is shown when absent")
    .option("-u, --unset", "take the official one again");
  action(outputOptions(byDefault), host, async () => (await load()).defaultBuildpackRegistry);
  const name = "tspack config registries";
  examples(registries, [`${name} list`]);
  examples(list, [`${name} list`]);
  examples(add, [`${name} add ours https://git.example.com/platform/registry-index --default`]);
  examples(remove, [`${name} remove ours`]);
  examples(byDefault, [`${name} default`, `${name} default ours`, `${name} default --unset`]);
}
