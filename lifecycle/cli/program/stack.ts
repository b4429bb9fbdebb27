import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, command, common, examples } from "./declare.ts";

/** `tspack stack`. */
export function addStack(program: Command, host: TspackHost): void {
  const stack = command(program, "stack", "Base images of distribution packages");
  examples(stack, ["tspack stack create bookworm", "tspack stack diff bookworm"]);
  addCreate(stack, host);
  addLock(stack, host);
  addDiff(stack, host);
  addUpdate(stack, host);
}

function addCreate(stack: Command, host: TspackHost): void {
  const create = withSource(command(stack, "create", "Make the run and the build image of a stack"));
  withImages(create)
    .option("--update", "take the packages' newest versions")
    .option("--lock <file>", "a lock of your own instead of the one that tspack keeps; written when it is not there")
    .option("--json", "print as JSON");
  action(common(create), host, async () => (await import("../commands/stack.ts")).createStackCommand);
  examples(create, [
    "tspack stack create bookworm",
    "tspack stack create stacks/mine/stack.toml --run example.com/run:1 --build example.com/build:1 --publish",
  ]);
}

function addLock(stack: Command, host: TspackHost): void {
  const lock = withSource(command(stack, "lock", "Pin the packages of a stack to their newest versions"))
    .option("--output <file>", "where the lock is written, instead of where tspack keeps it")
    .option("--json", "print as JSON");
  action(common(lock), host, async () => (await import("../commands/stack-lock.ts")).lockStackCommand);
  examples(lock, ["tspack stack lock bookworm --output stack.lock"]);
}

function addDiff(stack: Command, host: TspackHost): void {
  const diff = withSource(command(stack, "diff", "Which packages of a stack an update would change"))
    .option("--lock <file>", "a lock of your own instead of the one that tspack keeps")
    .option("--exit-code", "end with 1 when there are changes")
    .option("--json", "print as JSON");
  action(common(diff), host, async () => (await import("../commands/stack-lock.ts")).diffStackCommand);
  examples(diff, ["tspack stack diff bookworm", "tspack stack diff bookworm --lock stack.lock --exit-code"]);
}

function addUpdate(stack: Command, host: TspackHost): void {
  const update = withSource(
    command(stack, "update", "Make a stack of the newest packages, and name the applications to be rebased"),
  ).argument("[images...]", "applications that may be based on it, besides those of the local store");
  withImages(update)
    .option("--lock <file>", "a lock of your own instead of the one that tspack keeps")
    .option("--json", "print as JSON");
  action(common(update), host, async () => (await import("../commands/stack-update.ts")).updateStackCommand);
  examples(update, ["tspack stack update bookworm", "tspack stack update bookworm example.com/shop --json"]);
}

function withSource(target: Command): Command {
  return target
    .argument("[stack]", "a stack's name or the path of a stack.toml", "bookworm")
    .addOption(new Option("--arch <arch>", "processor; this machine's by default").choices(["amd64", "arm64"]))
    .option("--mirror <url>", "Debian mirror");
}

function withImages(target: Command): Command {
  return target
    .option("--run <image>", "name of the run image")
    .option("--build <image>", "name of the build image")
    .option("--publish", "send both to their registry instead of the local store, with bills of materials");
}
