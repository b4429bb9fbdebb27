import type { Argument, Command, Option } from "commander";

/** Something that a word can become. */
export interface Candidate {
  readonly value: string;
  readonly description?: string | undefined;
}

/** What a shell offers for a word. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell offers by itself when nothing of the candidates fits. */
  readonly otherwise: "nothing" | "files" | "directories";
}

/** What a value is, as help calls it: the word in `<…>`. */
export interface ValueKind {
  readonly name: string;
  /** Options that were given before, by their long name. */
  readonly given: ReadonlyMap<string, string>;
}

/** Finds the values of a kind. */
export type FindValues = (kind: ValueKind) => Promise<Completion>;

/**
 * Completes the last of the words that follow the program's name: commands, options, and values by
 * the word that help has for them. What does not begin with the last word is left out.
 */
export async function complete(program: Command, words: readonly string[], find: FindValues): Promise<Completion> {
  const last = words.at(-1) ?? "";
  const at = follow(program, words.slice(0, -1));
  const [, name = "", text = ""] = /^(--[a-z-]+)=(.*)$/s.exec(last) ?? [];
  if (at.awaits !== undefined) return fitting(await valuesOf(at.awaits, at, find), last, "");
  if (name !== "") {
    const option = findOption(at.command, name);
    return option === undefined ? nothing : fitting(await valuesOf(option, at, find), text, `${name}=`);
  }
  if (last.startsWith("-") && !at.onlyWords) return fitting(optionsOf(at), last, "");
  const commands = at.words === 0 ? subcommands(at.command) : [];
  const argument = argumentAt(at);
  const values = argument === undefined ? nothing : await valuesOf(argument, at, find);
  return fitting({ ...values, candidates: [...commands, ...values.candidates] }, last, "");
}

const nothing: Completion = { candidates: [], otherwise: "nothing" };

interface Position {
  readonly command: Command;
  /** Words that are no option and no command. */
  readonly words: number;
  /** The option whose value comes next. */
  readonly awaits: Option | undefined;
  readonly given: ReadonlyMap<string, string>;
  /** After `--`. */
  readonly onlyWords: boolean;
}

function follow(program: Command, words: readonly string[]): Position {
  let command = program;
  let count = 0;
  let awaits: Option | undefined;
  let onlyWords = false;
  const given = new Map<string, string>();
  for (const word of words) {
    if (awaits !== undefined) {
      given.set(awaits.long ?? "", word);
      awaits = undefined;
    } else if (onlyWords) count++;
    else if (word === "--") onlyWords = true;
    else if (word.startsWith("-") && word !== "-") {
      const [name = "", value] = word.split(/=(.*)/s);
      const option = findOption(command, name);
      if (option === undefined) continue;
      given.set(option.long ?? name, value ?? "");
      if (value === undefined && (option.required || option.optional)) awaits = option;
    } else {
      const next = count === 0 ? child(command, word) : undefined;
      if (next === undefined) count++;
      else command = next;
    }
  }
  return { command, words: count, awaits, given, onlyWords };
}

function child(command: Command, name: string): Command | undefined {
  // `help build` completes as `build` does, which is good enough to find a command.
  return command.commands.find((one) => one.name() === name || one.aliases().includes(name));
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => long === name || short === name);
}

/** Options that may still be given. Those that may be repeated say so in their description. */
function optionsOf({ command, given }: Position): Completion {
  const help = command.createHelp();
  const candidates = help
    .visibleOptions(command)
    .filter(({ long, description }) => !given.has(long ?? "") || description.includes("(repeatable"))
    .map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
  return { candidates, otherwise: "nothing" };
}

function subcommands(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ value: one.name(), description: one.description() }));
}

function argumentAt({ command, words }: Position): Argument | undefined {
  const { registeredArguments: all } = command;
  const last = all.at(-1);
  return all[words] ?? (last?.variadic === true ? last : undefined);
}

function valuesOf(what: Option | Argument, { given }: Position, find: FindValues): Promise<Completion> {
  if (what.argChoices !== undefined)
    return Promise.resolve({ candidates: what.argChoices.map((value) => ({ value })), otherwise: "nothing" });
  const name = "flags" in what ? (/[<[]([^\]>]+)[\]>]/.exec(what.flags)?.[1] ?? "") : what.name();
  return find({ name: name.replace("...", ""), given });
}

function fitting({ candidates, otherwise }: Completion, text: string, prefix: string): Completion {
  const unique = new Map(candidates.map((candidate) => [candidate.value, candidate]));
  const fit = [...unique.values()].filter(({ value }) => value.startsWith(text));
  return { candidates: fit.map((one) => ({ ...one, value: prefix + one.value })), otherwise };
}
