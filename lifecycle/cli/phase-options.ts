import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isWithin, type ApiVersion } from "../cnb/api/version.ts";
import { InputError, type InputIssue } from "../errors.ts";
import { type FlagDefinition, parseGoBool, parseGoFlags } from "./go-flags.ts";
import { type OptionName, type OptionRow, optionRows, type PhaseCommand, type PhaseOptions } from "./options.ts";

/** The environment as the process got it. */
export type Env = Readonly<Record<string, string | undefined>>;

const rows: readonly (readonly [string, OptionRow])[] = Object.entries(optionRows);

/** The flags that a phase has at a Platform API. */
export function flagsOf(phase: PhaseCommand, api: ApiVersion): readonly FlagDefinition[] {
  return rows.flatMap(([, row]) => {
    const range = row.phases[phase];
    if (row.flag === undefined || range === undefined || !isWithin(api, range)) return [];
    return [{ name: row.flag, kind: row.kind, description: row.description }];
  });
}

/** The inputs of a phase, and its positional arguments. */
export interface PhaseArguments {
  readonly options: PhaseOptions;
  readonly args: readonly string[];
  /** The flags that were given, so that a phase can tell a flag from its variable. */
  readonly given: ReadonlySet<string>;
}

/**
 * Reads the inputs of a phase: flag, then variable, then default. Throws `FlagError` for what
 * the phase does not have, and `INVALID_ENV` with every variable whose value is no good.
 */
export function readPhaseArguments(
  phase: PhaseCommand,
  api: ApiVersion,
  argv: readonly string[],
  env: Env,
): PhaseArguments {
  const { values, args } = parseGoFlags(flagsOf(phase, api), argv);
  const issues: InputIssue[] = [];
  const read = ([name, row]: readonly [string, OptionRow]): readonly [string, unknown] => {
    const given = row.flag === undefined ? undefined : values.get(row.flag);
    return [name, given === undefined ? fromEnv(row, env, issues) : fromFlag(row, given)];
  };
  const raw = Object.fromEntries(rows.map(read)) as unknown as PhaseOptions;
  if (issues.length > 0) {
    throw new InputError("INVALID_ENV", "the environment has values that can not be used", issues, {
      hint: "correct or unset the variables",
    });
  }
  const given = new Set(values.keys());
  return { options: withPlaces(withSkipping(raw, given)), args, given };
}

/**
 * `-skip-layers` and the creator's `-skip-restore` are one switch: either variable sets it for every
 * phase, and the flag that the phase has counts before both.
 */
function withSkipping(raw: PhaseOptions, given: ReadonlySet<string>): PhaseOptions {
  const { skipLayers, skipRestore } = raw;
  if (given.has("skip-layers")) return { ...raw, skipRestore: skipLayers };
  const skip = given.has("skip-restore") ? skipRestore : skipLayers || skipRestore;
  return { ...raw, skipLayers: skip, skipRestore: skip };
}

function fromFlag(row: OptionRow, given: readonly string[]): unknown {
  const last = given.at(-1) ?? "";
  switch (row.kind) {
    case "bool":
      return parseGoBool(last) ?? false;
    case "int":
      return Number(last);
    case "list":
      return given;
    case "string":
    case "duration":
      return last;
  }
}

function fromEnv(row: OptionRow, env: Env, issues: InputIssue[]): unknown {
  const text = row.env === undefined ? undefined : env[row.env];
  const refuse = (expected: string): undefined => {
    issues.push({ source: `env ${row.env}`, path: "", expected, got: JSON.stringify(text) });
    return undefined;
  };
  switch (row.kind) {
    case "bool":
      if (text === undefined || text === "") return false;
      return parseGoBool(text) ?? refuse("true or false");
    case "int":
      if (text === undefined || text === "") return undefined;
      return /^\d{1,10}$/.test(text) ? Number(text) : refuse("a non-negative whole number");
    case "list":
      return text === undefined || text === "" ? [] : text.split(",");
    case "string":
    case "duration":
      return text === undefined || text === "" ? (row.default ?? "") : text;
  }
}

const directories: readonly OptionName[] = [
  "app",
  "buildConfig",
  "buildpacks",
  "cacheDir",
  "extended",
  "extensions",
  "generated",
  "kanikoDir",
  "launchCache",
  "layers",
  "platform",
];

/** Puts the layers directory in place of `<layers>` and makes directories absolute. */
function withPlaces(raw: PhaseOptions): PhaseOptions {
  const layers = raw.layers;
  const entries = Object.entries(raw).map(([name, value]: readonly [string, unknown]) => {
    if (typeof value !== "string" || value === "") return [name, value];
    const placed = value.replace("<layers>", layers);
    if (name === "order" && value.startsWith("<layers>") && !existsSync(placed)) return [name, "/cnb/order.toml"];
    return [name, directories.includes(name as OptionName) ? resolve(placed) : placed];
  });
  return Object.fromEntries(entries) as PhaseOptions;
}
