import type { Argument, Command, Option } from "commander";
import { oldNames } from "./old-names.ts";

/**
 * All commands as one page of Markdown, made of what `--help` knows: the page can not say anything
 * else than the program does.
 */
export function referencePage(program: Command): string {
  const commands = visible(program);
  return [
    `# Commands of ${program.name()}\n`,
    `Made by \`npm run reference\` from the commands themselves; do not edit it.\n`,
    commands.map(({ path, command }) => `- [${path}](#${anchor(path)}): ${command.description()}\n`).join(""),
    "## Options of every command\n",
    optionTable(program, []),
    "### Old names\n",
    "As older versions of pack called commands. They work, and say on standard error what they are called now.\n",
    table(
      "old",
      Object.entries(oldNames).map(([old, now]) => [`${program.name()} ${old}`, `\`${now.join(" ")}\``] as const),
    ),
    ...commands.map((one) => section(one, program)),
  ].join("\n");
}

interface Described {
  /** `tspack images list`. */
  readonly path: string;
  readonly command: Command;
}

/** The commands that do something, in the order of the help. */
function visible(parent: Command, path = parent.name()): readonly Described[] {
  return parent
    .createHelp()
    .visibleCommands(parent)
    .filter((command) => command.name() !== "help")
    .flatMap((command) => {
      const own = `${path} ${command.name()}`;
      return command.commands.length === 0 ? [{ path: own, command }] : visible(command, own);
    });
}

function anchor(path: string): string {
  return path.replaceAll(" ", "-");
}

function section({ path, command }: Described, program: Command): string {
  const { registeredArguments: args } = command;
  const aliases = [...new Set([command, ...parents(command)].flatMap((one) => one.aliases()))];
  const examples = examplesOf(command);
  return [
    `## ${path}\n`,
    `${command.description()}.\n`,
    `\`\`\`\n${path} ${command.usage()}\n\`\`\`\n`,
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.map((name) => `\`${name}\``).join(", ")}\n`]),
    ...(args.length === 0 ? [] : [table("argument", args.map(argumentRow))]),
    ...(optionsOf(command, program).length === 0 ? [] : [optionTable(command, program.options)]),
    ...(examples.length === 0 ? [] : [`\`\`\`\n${examples.join("\n")}\n\`\`\`\n`]),
  ].join("\n");
}

function parents(command: Command): readonly Command[] {
  const { parent } = command;
  return parent === null || parent.parent === null ? [] : [parent, ...parents(parent)];
}

/** Options of a command itself: those that all have are described once. */
function optionsOf(command: Command, program: Command | readonly Option[]): readonly Option[] {
  const shared = "options" in program ? program.options : program;
  const names = shared.map(({ long }) => long);
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help" && !names.includes(long));
}

function optionTable(command: Command, shared: readonly Option[]): string {
  const rows = optionsOf(command, shared).map(
    (option) => [option.flags, command.createHelp().optionDescription(option)] as const,
  );
  return table("option", rows);
}

function argumentRow(argument: Argument): readonly [string, string] {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return [argument.required ? `<${name}>` : `[${name}]`, argument.description];
}

function table(title: string, rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(([name, text]) => `| \`${name}\` | ${text.replaceAll("|", "\\|").replaceAll("<", "&lt;")} |`);
  return `| ${title} | |\n|---|---|\n${lines.join("\n")}\n`;
}

/** What `examples` has added to the help. */
function examplesOf(command: Command): readonly string[] {
  let help = "";
  const collected = command.configureOutput();
  command.configureOutput({ ...collected, writeOut: (text) => void (help += text) });
  command.outputHelp();
  command.configureOutput(collected);
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, example = ""]) => example);
}
