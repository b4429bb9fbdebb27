/** An environment. Keys are never empty. */
export type Environment = ReadonlyMap<string, string>;

/** A file of an `env` directory; callers give them sorted by name. */
export interface EnvFile {
  readonly name: string;
  readonly value: string;
}

/** What an environment file does with the value that is there. Buildpack specification, "Environment Variable Modification Rules". */
export type EnvAction = "prepend" | "append" | "override" | "default" | "prepend-path";

/** One change of one variable. */
export interface EnvModification {
  readonly name: string;
  readonly action: EnvAction;
  readonly value: string;
  /** Between the new value and one that is there. */
  readonly delimiter: string;
}

const actions: ReadonlyMap<string, EnvAction> = new Map<string, EnvAction>([
  ["prepend", "prepend"],
  ["append", "append"],
  ["override", "override"],
  ["default", "default"],
  // `NAME.` with nothing behind the point.
  ["", "prepend-path"],
]);

/**
 * The changes that the files of a layer's `env` directory make, in the order of the files. Unknown
 * suffixes are ignored; `unsuffixed` is `override` for layers and `default` for the operator's files.
 */
export function envModifications(
  files: readonly EnvFile[],
  unsuffixed: Extract<EnvAction, "override" | "default">,
): readonly EnvModification[] {
  const delimiters = new Map(files.map(({ name, value }) => [name, value]));
  return files.flatMap(({ name: file, value }) => {
    const point = file.indexOf(".");
    const name = point === -1 ? file : file.slice(0, point);
    const action = point === -1 ? unsuffixed : actions.get(file.slice(point + 1));
    if (action === undefined || !isVariableName(name)) return [];
    const delimiter = delimiters.get(`${name}.delim`) ?? (action === "prepend-path" ? ":" : "");
    return [{ name, action, value, delimiter }];
  });
}

/** No environment can hold a name with an equals sign or NUL, nor an empty one. */
function isVariableName(name: string): boolean {
  return name !== "" && !/[=\0]/.test(name);
}

/** An environment after changes, in their order. */
export function applyEnv(environment: Environment, modifications: readonly EnvModification[]): Environment {
  const result = new Map(environment);
  for (const modification of modifications) {
    const { name } = modification;
    result.set(name, modified(result.get(name) ?? "", modification));
  }
  return result;
}

/** An empty value counts as none: it gets no delimiter, and a default replaces it. */
function modified(current: string, { action, value, delimiter }: EnvModification): string {
  if (action === "override" || current === "") return value;
  if (action === "default") return current;
  return action === "append" ? current + delimiter + value : value + delimiter + current;
}

/** The directories of a layer that stand for variables, with those variables. */
export type LayerDirectory = "bin" | "lib" | "include" | "pkgconfig";

const buildVariables: Readonly<Record<LayerDirectory, readonly string[]>> = {
  bin: ["PATH"],
  lib: ["LD_LIBRARY_PATH", "LIBRARY_PATH"],
  include: ["CPATH"],
  pkgconfig: ["PKG_CONFIG_PATH"],
};

/** The directories that a phase has to look for in a layer. */
export const layerDirectories: readonly LayerDirectory[] = ["bin", "lib", "include", "pkgconfig"];

/** The changes that directories of a build layer make: each is put before its variables. Buildpack specification, "Layer Paths". */
export function layerPathModifications(
  layerPath: string,
  existing: ReadonlySet<LayerDirectory>,
): readonly EnvModification[] {
  return layerDirectories
    .filter((directory) => existing.has(directory))
    .flatMap((directory) =>
      buildVariables[directory].map((name): EnvModification => ({
        name,
        action: "prepend-path",
        value: `${layerPath}/${directory}`,
        delimiter: ":",
      })),
    );
}

const pathVariables: ReadonlySet<string> = new Set(Object.values(buildVariables).flat());

/** What else of the phase's own environment reaches buildpacks. Never a credential. */
const passedThrough: ReadonlySet<string> = new Set([
  "CNB_STACK_ID",
  "HOSTNAME",
  "HOME",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
]);

/** What buildpacks see of the environment in which the phase runs: only known names. */
export function buildEnvironment(environment: Iterable<readonly [string, string | undefined]>): Environment {
  const result = new Map<string, string>();
  for (const [name, value] of environment) {
    if (value !== undefined && (pathVariables.has(name) || passedThrough.has(name))) result.set(name, value);
  }
  return result;
}

/** The changes that `<platform>/env` makes, which `clear-env` drops: path variables are put before, others replace. */
export function platformModifications(files: readonly EnvFile[]): readonly EnvModification[] {
  return files
    .filter(({ name }) => isVariableName(name))
    .map(({ name, value }) => ({
      name,
      value,
      action: pathVariables.has(name) ? "prepend-path" : "override",
      delimiter: ":",
    }));
}
