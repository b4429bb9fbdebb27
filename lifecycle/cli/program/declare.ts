import { type Command, InvalidArgumentError, Option } from "commander";
import type { TspackHost } from "../toolbox.ts";

/** A command's function, loaded when the command is used: nothing else is. */
export type Load = () => Promise<(host: TspackHost, args: readonly string[], options: never) => Promise<void>>;

/** Declares a command below another one. */
export function command(parent: Command, name: string, description: string): Command {
  const made = parent.command(name).description(description).exitOverride();
  return made.showHelpAfterError(`(${pathOf(made)} --help shows what it takes)`);
}

/** Declares `list`, which is done when no subcommand is named. */
export function listCommand(parent: Command, description: string): Command {
  return parent.command("list", { isDefault: true }).description(description).exitOverride();
}

/** `tspack builder create`. */
function pathOf(target: Command): string {
  return target.parent === null ? target.name() : `${pathOf(target.parent)} ${target.name()}`;
}

/** Adds the options that stand before a command as well as after it. `-v` may be something else after a command. */
export function outputOptions(target: Command, verbose: "-v, --verbose" | "--verbose" = "-v, --verbose"): Command {
  return target
    .optionsGroup("Output:")
    .option("-q, --quiet", "print errors and the result only")
    .option(verbose, "print every step")
    .option("--timestamps", "begin each line with its time")
    .option("--no-color", "no colour (NO_COLOR does the same)");
}

/** Adds the options that every command has which does something. */
export function common(target: Command, verbose?: "--verbose"): Command {
  return outputOptions(target, verbose)
    .optionsGroup("Registries:")
    .option("--insecure-registry <host>", "a registry that may be used without TLS (repeatable)", collect);
}

/** `--pull-policy`, for commands that read images of registries. */
export function pullPolicyOption(): Option {
  const policies = ["always", "never", "if-not-present"];
  return new Option("--pull-policy <policy>", "when images are asked for again").choices(policies);
}

/** `--buildpack-registry`, for commands that look for buildpacks. */
export function buildpackRegistryOption(flags: "-r" | "-R" = "-r"): Option {
  const about = "where NAMESPACE/NAME@VERSION is looked up: a name of config registries";
  return new Option(`${flags}, --buildpack-registry <index>`, about);
}

/** `--output` of commands that make images other than applications. */
export function outputOption(): Option {
  return new Option("--output <where>", "where the image is written (default: local)").choices([
    "local",
    "registry",
    "engine",
  ]);
}

/** Gathers the values of an option that may be given often. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Reads the value of an option that is a whole number. */
export function wholeNumber(value: string): number {
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("It has to be a whole number, 0 or more.");
}

/** Connects a command with its work. Positional arguments come first, then options, then the command itself. */
export function action(target: Command, host: TspackHost, load: Load): Command {
  return target.action(async (...given: unknown[]) => {
    const values = given
      .slice(0, -2)
      .flat()
      .filter((value): value is string => typeof value === "string");
    const run = await load();
    const options = { ...(given.at(-2) as object), ...givenBefore(given.at(-1) as Command) };
    await run(host, values, options as never);
  });
}

/** Output options that stand before the command: those that were given win over what a command has by default. */
function givenBefore(target: Command): object {
  let root = target;
  while (root.parent !== null) root = root.parent;
  return Object.fromEntries(
    Object.entries(root.opts()).filter(([name]) => root.getOptionValueSource(name) === "cli" && name !== "version"),
  );
}

/** Adds examples to the help of a command. */
export function examples(target: Command, lines: readonly string[]): Command {
  return target.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`);
}
