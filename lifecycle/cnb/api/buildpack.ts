import { TspackError } from "../../errors.ts";
import { type ApiRange, type ApiVersion, isSupported, isWithin, parseApiVersion } from "./version.ts";

/** The Buildpack APIs that the lifecycle speaks, oldest first. */
export const buildpackApis: readonly string[] = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"];

/** What differs between Buildpack APIs. `until` is the first version without the feature. */
const rows = {
  /** `CNB_PLATFORM_DIR`, `CNB_BUILD_PLAN_PATH`, `CNB_BP_PLAN_PATH` and `CNB_LAYERS_DIR` beside the arguments. */
  pathVariables: { since: "0.8" },
  /** `working-dir` of a process; ignored with a warning below. */
  workingDirectory: { since: "0.8" },
  /** `command` of a process is an array and the process is direct; below it is a string, `direct` is a key. */
  commandArray: { since: "0.9" },
  /** `CNB_TARGET_*`. */
  targetVariables: { since: "0.10" },
  /** The stack `io.buildpacks.stacks.bionic` among others stands for a target. */
  bionicAmongStacks: { since: "0.10" },
  /** `exec-env` of buildpacks and processes, and `CNB_EXEC_ENV`. */
  execEnv: { since: "0.12" },
} as const satisfies Readonly<Record<string, ApiRange>>;

/** The names of the features of a Buildpack API. */
export type BuildpackFeature = keyof typeof rows;

/** What a Buildpack API has. */
export type BuildpackFeatures = { readonly api: string } & { readonly [name in BuildpackFeature]: boolean };

/** Who asks for an API, for messages: `Buildpack 'a/b@1.0'`. */
export interface BuildpackApiUser {
  readonly kind: "Buildpack" | "Extension";
  /** `id@version`. */
  readonly name: string;
}

/**
 * The features of a Buildpack API. Throws `BUILDPACK_API_UNSUPPORTED` (exit 12) for a malformed or
 * unsupported version. Buildpack specification, "Buildpack API version".
 */
export function buildpackFeatures(version: string, user: BuildpackApiUser): BuildpackFeatures {
  const hint = `supported are ${buildpackApis.join(", ")}`;
  const parsed = parseApiVersion(version);
  if (parsed === undefined) {
    // The reference prints its unparsed version, which is a nil pointer; platforms look for this text.
    const message = `failed to parse buildpack API '<nil>' for ${user.kind.toLowerCase()} '${user.name}'`;
    throw new TspackError("BUILDPACK_API_UNSUPPORTED", message, {
      hint: `its api is ${JSON.stringify(version)}; ${hint}`,
    });
  }
  if (!isSupported(parsed, buildpackApis)) {
    const message = `failed to set API for ${user.kind} '${user.name}': buildpack API version '${version}' is incompatible with the lifecycle`;
    throw new TspackError("BUILDPACK_API_UNSUPPORTED", message, { hint });
  }
  return featuresAt(parsed, version);
}

/** The features of a Buildpack API, or undefined for one that `buildpackFeatures` refuses: for readers that leave the refusal to others. */
export function knownBuildpackFeatures(version: string): BuildpackFeatures | undefined {
  const parsed = parseApiVersion(version);
  return parsed === undefined || !isSupported(parsed, buildpackApis) ? undefined : featuresAt(parsed, version);
}

function featuresAt(version: ApiVersion, api: string): BuildpackFeatures {
  const flags = Object.entries(rows).map(([name, range]) => [name, isWithin(version, range)] as const);
  return Object.freeze({ api, ...Object.fromEntries(flags) }) as BuildpackFeatures;
}
