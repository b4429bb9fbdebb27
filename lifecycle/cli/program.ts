import { Command, Option } from "commander";
import { versionText } from "../distribution/version.ts";
import type { TspackHost } from "./toolbox.ts";

/** A command's function, loaded when the command is used: nothing else is. */
type Load = () => Promise<(host: TspackHost, args: readonly string[], options: never) => Promise<void>>;

/** The tree of commands: flags and help here, work in commands/. */
export function buildProgram(host: TspackHost): Command {
  const program = new Command("tspack")
    .description("Cloud Native Buildpacks: from source code to an OCI image, without daemon and without root")
    .version(versionText, "-V, --version", "print the version")
    .configureOutput({ writeOut: host.stdout, writeErr: host.stderr })
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError("(tspack --help shows all commands)")
    .helpCommand(true)
    .enablePositionalOptions();
  addBuild(program, host);
  addRun(program, host);
  addRebase(program, host);
  addInspect(program, host);
  addImages(program, host);
  addBuilder(program, host);
  addStack(program, host);
  command(program, "version", "Print the version").action(() => host.stdout(`${versionText}\n`));
  return program;
}

function command(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).exitOverride();
}

/** The options that every command has which does something. */
function common(target: Command): Command {
  return target
    .option("-q, --quiet", "print errors and the result only")
    .option("-v, --verbose", "print every step")
    .option("--no-color", "no colour (NO_COLOR does the same)")
    .option("--insecure-registry <host>", "a registry that may be used without TLS (repeatable)", collect);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Positional arguments come first, then options, then the command itself. */
function action(target: Command, host: TspackHost, load: Load): Command {
  return target.action(async (...given: unknown[]) => {
    const values = given
      .slice(0, -2)
      .flat()
      .filter((value): value is string => typeof value === "string");
    const run = await load();
    await run(host, values, given.at(-2) as never);
  });
}

function examples(target: Command, lines: readonly string[]): Command {
  return target.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`);
}

function addBuild(program: Command, host: TspackHost): void {
  const build = command(program, "build", "Build an image from an application's source code")
    .argument("<image>", "name of the image")
    .option("-p, --path <directory>", "the application's directory", ".")
    .option("-B, --builder <builder>", "a builder: image, oci:PATH, or a builder.toml; the built-in one when absent")
    .option("--publish", "send the image to its registry instead of the local store")
    .option("-t, --tag <image>", "a further name of the image (repeatable)", collect)
    .option("--run-image <image>", "the run image, instead of the builder's")
    .option("--previous-image <image>", "take unchanged layers from this image")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment, for buildpacks (repeatable)", collect)
    .option("--env-file <file>", "a file with a variable per line (repeatable)", collect)
    .option("-D, --default-process <type>", "the process that the image starts")
    .option("--clear-cache", "forget the layers of earlier builds")
    .addOption(new Option("--network <mode>", "network of buildpacks").choices(["host", "none"]).default("host"))
    .addOption(
      new Option("--runner <runner>", "where buildpacks run").choices(["auto", "sandbox", "in-place"]).default("auto"),
    )
    .addOption(new Option("--sandbox <way>", "how the sandbox is made").choices(["bubblewrap", "unshare"]))
    .option("--creation-time <time>", "created time of the image: seconds since 1970, or now")
    .option("--mirror <url>", "Debian mirror, when the default builder has to be made")
    .option("--json", "print the summary as JSON");
  action(common(build), host, async () => (await import("./commands/build.ts")).build);
  examples(build, [
    "tspack build hello --path samples/node-hello",
    "tspack build registry.example.com/team/hello --publish",
    "tspack build hello --builder registry.example.com/builders/base --env NODE_ENV=production",
  ]);
}

function addRun(program: Command, host: TspackHost): void {
  const run = command(program, "run", "Run an image in the sandbox")
    .argument("<image>", "name of the image")
    .argument("[command...]", "arguments for the image's entrypoint")
    .option("-e, --env <variable>", "NAME=VALUE, or NAME from the environment (repeatable)", collect)
    .option("--entrypoint <program>", "start this instead of the image's entrypoint; a process type will do")
    .option("-w, --workdir <directory>", "directory to start in")
    .addOption(new Option("--network <mode>", "network of the application").choices(["host", "none"]).default("host"))
    .addOption(new Option("--sandbox <way>", "how the sandbox is made").choices(["bubblewrap", "unshare"]))
    .passThroughOptions();
  action(common(run), host, async () => (await import("./commands/run.ts")).run);
  examples(run, [
    "tspack run hello",
    "tspack run -e PORT=3000 hello",
    "tspack run --entrypoint launcher hello -- node --version",
  ]);
}

function addRebase(program: Command, host: TspackHost): void {
  const rebase = command(program, "rebase", "Put an image on a new base: manifest and config only, no rebuild")
    .argument("<image...>", "names of the images")
    .option("--run-image <image>", "the new run image, instead of the recorded one")
    .option("--publish", "rebase in the registry instead of the local store")
    .option("--force", "rebase even when the bases do not fit")
    .option("--json", "print what was done as JSON");
  action(common(rebase), host, async () => (await import("./commands/rebase.ts")).rebase);
  examples(rebase, [
    "tspack rebase hello",
    "tspack rebase --publish registry.example.com/team/hello --run-image registry.example.com/run:2",
  ]);
}

function addInspect(program: Command, host: TspackHost): void {
  const inspect = command(program, "inspect", "Show what an image is made of")
    .argument("<image>", "name of the image")
    .option("--json", "print as JSON");
  action(common(inspect), host, async () => (await import("./commands/inspect.ts")).inspect);
  examples(inspect, ["tspack inspect hello", "tspack inspect --json registry.example.com/team/hello"]);
}

function addImages(program: Command, host: TspackHost): void {
  const images = command(program, "images", "The local image store");
  const list = command(images, "list", "List the images in the local store").option("--json", "print as JSON");
  action(common(list), host, async () => (await import("./commands/images.ts")).listImages);
  const remove = command(images, "rm", "Remove names from the local store").argument(
    "<image...>",
    "names of the images",
  );
  action(common(remove), host, async () => (await import("./commands/images.ts")).removeImages);
  examples(images, ["tspack images list", "tspack images rm hello"]);
}

function addBuilder(program: Command, host: TspackHost): void {
  const builder = command(program, "builder", "Builders: build image, lifecycle and buildpacks in one");
  const create = command(builder, "create", "Make a builder of a builder.toml")
    .argument("<image>", "name of the builder")
    .requiredOption("-c, --config <file>", "the builder.toml")
    .option("--publish", "send it to its registry instead of the local store")
    .option("--mirror <url>", "Debian mirror, when the default stack has to be made");
  action(common(create), host, async () => (await import("./commands/builder.ts")).createBuilderCommand);
  examples(create, ["tspack builder create my-builder --config builder.toml"]);
}

function addStack(program: Command, host: TspackHost): void {
  const stack = command(program, "stack", "Base images of distribution packages");
  const create = command(stack, "create", "Make the run and the build image of a stack")
    .argument("[stack]", "a stack's name or the path of a stack.toml", "bookworm")
    .option("--run <image>", "name of the run image")
    .option("--build <image>", "name of the build image")
    .option("--update", "take the packages' newest versions")
    .option("--publish", "send both to their registry instead of the local store")
    .option("--mirror <url>", "Debian mirror")
    .option("--json", "print as JSON");
  action(common(create), host, async () => (await import("./commands/stack.ts")).createStackCommand);
  examples(create, [
    "tspack stack create bookworm",
    "tspack stack create stacks/mine/stack.toml --run example.com/run:1 --build example.com/build:1 --publish",
  ]);
}
