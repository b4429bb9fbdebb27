import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, collect, command, common, examples } from "./declare.ts";

/** `tspack run`. */
export function addRun(program: Command, host: TspackHost): void {
  const run = command(program, "run", "Run an image in the sandbox")
    .argument("<image>", "name of the image")
    .argument("[command...]", "arguments for the image's entrypoint")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment (repeatable)", collect)
    .option("--entrypoint <program>", "start this instead of the image's entrypoint; a process type will do")
    .option("-w, --workdir <directory>", "directory to start in")
    .addOption(new Option("--network <mode>", "network of the application").choices(["host", "none"]).default("host"))
    .addOption(new Option("--sandbox <way>", "how the sandbox is made").choices(["bubblewrap", "unshare"]))
    .passThroughOptions();
  action(common(run), host, async () => (await import("../commands/run.ts")).run);
  examples(run, [
    "tspack run hello",
    "tspack run -e PORT=3000 hello",
    "tspack run --entrypoint launcher hello -- node --version",
  ]);
}
