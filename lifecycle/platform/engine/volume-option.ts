import { posix } from "node:path";
import { InputError, type InputIssue } from "../../errors.ts";

/** A volume or directory for buildpacks. */
export interface VolumeOption {
  /** An absolute path where the engine runs, or the name of a volume. */
  readonly source: string;
  readonly target: string;
  /** `ro`, `rw` and what else the engine knows, as it takes them. */
  readonly options: string;
}

/** Where volumes may be, and what they are when nothing is said. */
export interface VolumeRules {
  /** Directories that have no volumes in them, besides bindings. */
  readonly reserved: readonly string[];
  /** Why not: what fills them. */
  readonly filledBy: string;
  readonly mode: "ro" | "rw";
}

/** Builds: what is in these directories they decide themselves. */
const ofBuilds: VolumeRules = { reserved: ["/cnb", "/layers", "/platform"], filledBy: "the build", mode: "ro" };

/**
 * Reads `--volume HOST:TARGET[:OPTIONS]`; for builds read-only unless `rw` is among the options. Relative
 * sources start with a dot. Throws `INVALID_ARGUMENTS` with every problem.
 */
export function readVolumes(
  given: readonly string[],
  cwd: string,
  rules: VolumeRules = ofBuilds,
): readonly VolumeOption[] {
  const issues: InputIssue[] = [];
  const volumes = given.flatMap((text) => {
    const volume = readVolume(text, cwd, rules.mode);
    const problem = volume === undefined ? "HOST:TARGET or HOST:TARGET:OPTIONS" : problemOf(volume, rules);
    if (problem !== undefined)
      issues.push({ source: "--volume", path: "", expected: problem, got: JSON.stringify(text) });
    return volume === undefined ? [] : [volume];
  });
  if (issues.length === 0) return volumes;
  throw new InputError("INVALID_ARGUMENTS", "volumes can not be mounted", issues, {
    hint: "for example --volume $HOME/.m2:/home/cnb/.m2:rw",
  });
}

/** What is better known of volumes that are possible. */
export function volumeWarnings(volumes: readonly VolumeOption[], appDir: string): readonly string[] {
  return volumes
    .filter(({ target }) => isIn(target, appDir))
    .map(({ target }) => `the volume at ${target} hides what the application has there, and the image gets it`);
}

/** A volume as engines take it. */
export function volumeBind({ source, target, options }: VolumeOption): string {
  return `${source}:${target}:${options}`;
}

function readVolume(text: string, cwd: string, usual: VolumeRules["mode"]): VolumeOption | undefined {
  const [source = "", target = "", options = usual, ...rest] = text.split(":");
  if (source === "" || !target.startsWith("/") || rest.length > 0) return undefined;
  const isPath = source.startsWith("/") || source === "." || source.startsWith("./") || source.startsWith("../");
  if (!isPath && !/^[A-Za-z0-9][\w.-]*$/.test(source)) return undefined;
  if (!/^[A-Za-z]+(,[A-Za-z]+)*$/.test(options)) return undefined;
  const words = options.split(",");
  const mode = words.includes("rw") || words.includes("ro") ? words : [usual, ...words];
  return {
    source: isPath ? posix.resolve(cwd, source) : source,
    target: posix.normalize(target).replace(/(?<=.)\/$/, ""),
    options: mode.join(","),
  };
}

function problemOf({ target }: VolumeOption, { reserved, filledBy }: VolumeRules): string | undefined {
  if (target === "/") return "a target below /";
  const taken = reserved.find((path) => isIn(target, path));
  return taken === undefined || isBinding(target)
    ? undefined
    : `a target that is not in ${taken}, which ${filledBy} fills`;
}

function isIn(target: string, path: string): boolean {
  return target === path || target.startsWith(`${path}/`);
}

/** Bindings, one or all, are what platforms hand to buildpacks by mounting. Platform specification, "Bindings". */
function isBinding(target: string): boolean {
  return isIn(target, "/platform/bindings");
}
