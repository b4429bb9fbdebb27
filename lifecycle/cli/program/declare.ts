import { type Command, InvalidArgumentError } from "commander";
import type { TspackHost } from "../toolbox.ts";

/** A command's function, loaded when the command is used: nothing else is. */
export type Load = () => Promise<(host: TspackHost, args: readonly string[], options: never) => Promise<void>>;

/** Declares a command below another one. */
export function command(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).exitOverride();
}

/** Adds the options that every command has which does something. */
export function common(target: Command): Command {
  return target
    .optionsGroup("Output:")
    .option("-q, --quiet", "print errors and the result only")
    .option("-v, --verbose", "print every step")
    .option("--timestamps", "begin each line with its time")
    .option("--no-color", "no colour (NO_COLOR does the same)")
    .optionsGroup("Registries:")
    .option("--insecure-registry <host>", "a registry that may be used without TLS (repeatable)", collect);
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
    await run(host, values, given.at(-2) as never);
  });
}

/** Adds examples to the help of a command. */
export function examples(target: Command, lines: readonly string[]): Command {
  return target.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`);
}
