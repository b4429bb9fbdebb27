/** How one flag is read. A `bool` takes a value only after `=`; a `list` may be given many times. */
export type FlagKind = "string" | "bool" | "int" | "list" | "duration";

/** A flag that a command has. */
export interface FlagDefinition {
  readonly name: string;
  readonly kind: FlagKind;
  readonly description: string;
}

/** What was read: raw text by flag name, and everything from the first word that is no flag. */
export interface ParsedFlags {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly args: readonly string[];
}

/** Why arguments could not be read, in the words of Go's `flag` package, which platforms match on. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

const truths = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const untruths = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Reads a boolean as Go does; undefined when it is none. */
export function parseGoBool(text: string): boolean | undefined {
  if (truths.has(text)) return true;
  return untruths.has(text) ? false : undefined;
}

/**
 * Reads `-app x`, `-app=x`, `--app x` and `--app=x`. Like Go's `flag` it stops at the first
 * word that is no flag and at `--`. Throws `FlagError`.
 */
export function parseGoFlags(definitions: readonly FlagDefinition[], argv: readonly string[]): ParsedFlags {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const values = new Map<string, readonly string[]>();
  let rest = argv;
  for (;;) {
    const word = rest[0];
    if (word === undefined || word.length < 2 || !word.startsWith("-")) return { values, args: rest };
    if (word === "--") return { values, args: rest.slice(1) };
    const { name, inline } = splitFlag(word);
    const definition = byName.get(name);
    if (definition === undefined) throw new FlagError(`flag provided but not defined: -${name}`);
    const value = inline ?? (definition.kind === "bool" ? "true" : rest[1]);
    if (value === undefined) throw new FlagError(`flag needs an argument: -${name}`);
    checkValue(definition, value);
    values.set(name, definition.kind === "list" ? [...(values.get(name) ?? []), value] : [value]);
    rest = rest.slice(inline === undefined && definition.kind !== "bool" ? 2 : 1);
  }
}

function splitFlag(word: string): { readonly name: string; readonly inline: string | undefined } {
  const body = word.slice(word.startsWith("--") ? 2 : 1);
  if (body === "" || body.startsWith("-") || body.startsWith("=")) throw new FlagError(`bad flag syntax: ${word}`);
  const equals = body.indexOf("=");
  if (equals === -1) return { name: body, inline: undefined };
  return { name: body.slice(0, equals), inline: body.slice(equals + 1) };
}

function checkValue({ name, kind }: FlagDefinition, value: string): void {
  const quoted = JSON.stringify(value);
  if (kind === "bool" && parseGoBool(value) === undefined) {
    throw new FlagError(`invalid boolean value ${quoted} for -${name}: parse error`);
  }
  if (kind === "int" && !/^[+-]?\d{1,15}$/.test(value)) {
    throw new FlagError(`invalid value ${quoted} for flag -${name}: parse error`);
  }
  if (kind === "duration" && !/^([+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$|^0$/.test(value)) {
    throw new FlagError(`invalid value ${quoted} for flag -${name}: parse error`);
  }
}

/** The list of flags as Go's `flag` prints it to standard error. */
export function goUsage(program: string, definitions: readonly FlagDefinition[]): string {
  const types: Readonly<Record<FlagKind, string>> = {
    string: " string",
    bool: "",
    int: " int",
    list: " value",
    duration: " duration",
  };
  const rows = definitions
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, kind, description }) => `  -${name}${types[kind]}\n    \t${description}`);
  return [`Usage of ${program}:`, ...rows, ""].join("\n");
}
