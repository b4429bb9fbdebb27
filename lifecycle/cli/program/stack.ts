import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack stack`. */
export function addStack(program: Command, host: TspackHost): void {
  const stack = command(program, "stack", "Base images of distribution packages");
  const create = command(stack, "create", "Make the run and the build image of a stack")
    .argument("[stack]", "a stack's name or the path of a stack.toml", "bookworm")
    .option("--run <image>", "name of the run image")
    .option("--build <image>", "name of the build image")
    .option("--update", "take the packages' newest versions")
    .option("--publish", "send both to their registry instead of the local store")
    .option("--mirror <url>", "Debian mirror")
    .option("--json", "print as JSON");
  action(common(create), host, async () => (await import("../commands/stack.ts")).createStackCommand);
  examples(create, [
    "tspack stack create bookworm",
    "tspack stack create stacks/mine/stack.toml --run example.com/run:1 --build example.com/build:1 --publish",
  ]);
}
