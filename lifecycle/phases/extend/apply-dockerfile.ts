import type { ExtendArg } from "../../cnb/files/extend-config.ts";
import type { ContainerConfig } from "../../oci/image-config.ts";
import { variable } from "../../oci/mutate.ts";
import { type Instruction, invalid } from "./dockerfile.ts";
import { expandWord, type Lookup, splitWords } from "./words.ts";
import type { ExtensionDockerfile } from "./extension-dockerfiles.ts";

/** Instructions that change nothing but the configuration, so that nothing has to run. */
export const configInstructions: readonly string[] = ["ARG", "ENV", "FROM", "LABEL", "SHELL", "USER"];

/** What an instruction sees and changes. */
interface State {
  readonly config: ContainerConfig;
  /** Declared build arguments. */
  readonly args: ReadonlyMap<string, string>;
}

/**
 * The configuration that a Dockerfile of `configInstructions` leaves. `given` are the build
 * arguments, of which a Dockerfile sees those that it declares. Throws `INVALID_DOCKERFILE`.
 */
export function applyDockerfile(
  { dockerfile: { instructions, escape } }: ExtensionDockerfile,
  config: ContainerConfig,
  given: readonly ExtendArg[],
): ContainerConfig {
  const start = instructions.findIndex(({ name }) => name === "FROM") + 1;
  const values = new Map(given.map(({ name, value }) => [name, value]));
  let state: State = { config, args: new Map() };
  for (const instruction of instructions.slice(start)) state = applyOne(instruction, state, values, escape);
  return state.config;
}

function applyOne(
  { name, args, line }: Instruction,
  state: State,
  given: ReadonlyMap<string, string>,
  escape: string,
): State {
  const { config } = state;
  const lookup: Lookup = (variableName) => variable(config.Env, variableName) ?? state.args.get(variableName);
  const expand = (word: string): string => expandWord(word, lookup, escape);
  switch (name) {
    case "ARG":
      return { config, args: new Map([...state.args, ...declared(args, given, expand, escape)]) };
    case "ENV":
      return {
        ...state,
        config: { ...config, Env: withVariables(config.Env ?? [], pairs(args, line, expand, escape)) },
      };
    case "LABEL":
      return {
        ...state,
        config: { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(args, line, expand, escape)) } },
      };
    case "SHELL":
      return { ...state, config: { ...config, Shell: shellOf(args, line) } };
    case "USER":
      if (args === "" || splitWords(args, escape).length > 1) {
        throw invalid(`dockerfile parse error on line ${line}: USER requires exactly one argument`);
      }
      return { ...state, config: { ...config, User: expand(args) } };
    default:
      throw new Error(`${name} is no instruction of the configuration`);
  }
}

type Pair = readonly [name: string, value: string];

function declared(
  args: string,
  given: ReadonlyMap<string, string>,
  expand: (word: string) => string,
  escape: string,
): readonly Pair[] {
  return splitWords(args, escape).flatMap((word): readonly Pair[] => {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word : word.slice(0, equals);
    const value = given.get(name) ?? (equals === -1 ? undefined : expand(word.slice(equals + 1)));
    return value === undefined ? [] : [[name, value]];
  });
}

/** `name=value …`, or the old form of one name and the rest of the line. */
function pairs(args: string, line: number, expand: (word: string) => string, escape: string): readonly Pair[] {
  const words = splitWords(args, escape);
  const [first = ""] = words;
  if (!first.includes("=")) {
    if (words.length < 2) throw invalid(`dockerfile parse error on line ${line}: a name without a value`);
    return [[expand(first), expand(args.slice(args.indexOf(first) + first.length).trim())]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw invalid(`dockerfile parse error on line ${line}: can't find = in ${JSON.stringify(word)}`);
    return [expand(word.slice(0, equals)), expand(word.slice(equals + 1))];
  });
}

function withVariables(env: readonly string[], changed: readonly Pair[]): readonly string[] {
  return changed.reduce((list, [name, value]) => {
    const index = list.findIndex((item) => item.split("=", 1)[0] === name);
    return index === -1 ? [...list, `${name}=${value}`] : list.with(index, `${name}=${value}`);
  }, env);
}

function shellOf(args: string, line: number): readonly string[] {
  let words: unknown;
  try {
    words = JSON.parse(args);
  } catch {
    words = undefined;
  }
  if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === "string")) return words;
  throw invalid(`dockerfile parse error on line ${line}: SHELL requires the arguments to be in JSON form`);
}
