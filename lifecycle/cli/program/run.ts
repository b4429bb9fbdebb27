import { type Command, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, collect, command, common, examples } from "./declare.ts";
import { envFileOption, sandboxOption } from "./shared-options.ts";

/** `tspack run`. */
export function addRun(program: Command, host: TspackHost): void {
  const run = command(program, "run", "Run an image in the sandbox")
    .argument("<image>", "name of the image; oci:DIRECTORY[:ENTRY], oci-archive:FILE or docker-archive:FILE")
    .argument("[command...]", "arguments for the image's entrypoint")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment (repeatable)", collect)
    .addOption(envFileOption())
    .option(
      "-p, --publish <port>",
      "[IP:][HOST:]CONTAINER[/tcp] leads to a port of the application (repeatable)",
      collect,
    )
    .option("-v, --volume <volume>", "HOST:TARGET[:ro|rw], a path or a name; writable unless ro (repeatable)", collect)
    .option("--entrypoint <program>", "start this instead of the image's entrypoint; a process type will do")
    .option("-w, --workdir <directory>", "directory to start in")
    .option("-u, --user <user>", "USER[:GROUP], names or numbers, instead of the image's")
    .option("-i, --interactive", "hand on standard input; otherwise the application has none")
    .option("-t, --tty", "the application gets this terminal, and its Ctrl-C and size")
    .option("--rm", "keep nothing of what ran, which is always so")
    .addOption(new Option("--name <name>", "refused: what runs has no name").hideHelp())
    .addOption(new Option("-d, --detach", "refused: nothing keeps what runs").hideHelp())
    .addOption(new Option("--network <mode>", "network of the application").choices(["host", "none"]).default("host"))
    .addOption(sandboxOption())
    .passThroughOptions();
  // As in `docker run`, -v is a volume here.
  action(common(run, "--verbose"), host, async () => (await import("../commands/run.ts")).run);
  examples(run, [
    "tspack run hello",
    "tspack run -e PORT=3000 -p 8080:3000 hello",
    "tspack run --rm --env-file app.env -v ./data:/workspace/data hello",
    "tspack run -it --entrypoint sh hello",
    "tspack run oci-archive:hello.tar",
    "tspack run --entrypoint launcher hello -- node --version",
  ]);
}
