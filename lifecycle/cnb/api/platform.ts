import { TspackError } from "../../errors.ts";
import { type ApiRange, type ApiVersion, isSupported, isWithin, parseApiVersion } from "./version.ts";

/** The Platform APIs that the lifecycle speaks, oldest first. */
export const platformApis: readonly string[] = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15"];

/**
 * What differs between Platform APIs. A phase asks for a feature; nobody else compares versions.
 * `until` is the first version without the feature.
 */
const rows = {
  /** SBOM files are validated, copied, exported, cached and restored. */
  sbom: { since: "0.8" },
  /** The legacy BOM stands in `metadata.toml`, in the build label and in `report.toml`. */
  reportBom: { until: "0.9" },
  /** The legacy BOM is written to `sbom/{launch,build}/sbom.legacy.json`; there is always an SBOM layer. */
  legacyBomFiles: { since: "0.9" },
  /** SOURCE_DATE_EPOCH is the time of the image and of its history. */
  sourceDateEpoch: { since: "0.9" },
  /** A process's command is an array in `metadata.toml` and labels; below, its rest goes to the arguments. */
  commandArray: { since: "0.10" },
  /** `order.toml` may have extensions, and the restorer a build image. */
  extensions: { since: "0.10" },
  /** The creator restores `store.toml` although layers are skipped. */
  storeWithSkippedLayers: { since: "0.10" },
  /** The SBOMs of lifecycle and launcher are exported. */
  lifecycleSboms: { since: "0.11" },
  /** `run.toml` instead of `stack.toml`, and `runImage.image` in the lifecycle label. */
  runToml: { since: "0.12" },
  /** Targets of buildpacks are matched, and the run image's target is in `analyzed.toml`. */
  targets: { since: "0.12" },
  /** `created_by` of the history is kept and written. */
  history: { since: "0.12" },
  /** The run image may be extended, and extensions may switch it. */
  runImageExtension: { since: "0.12" },
  /** `-force` of the rebaser; targets and `io.buildpacks.base.*` labels at rebase. */
  rebaseTargets: { since: "0.12" },
  /** Dockerfiles are an experimental feature that the platform has to allow. */
  experimentalDockerfiles: { until: "0.13" },
  /** `<generated>/<id>/{run,build}.Dockerfile` with contexts, instead of `<generated>/{run,build}/<id>/Dockerfile`. */
  generatedById: { since: "0.13" },
  /** An old cache image is deleted when a new one was written. */
  deleteOldCacheImage: { until: "0.13" },
  /** A layer for launch and cache is restored from the cache although the app image does not name it. */
  restoreFromCacheAlone: { since: "0.14" },
  /** The restorer checks that the chosen run image can still be read. */
  restorerChecksRunImage: { since: "0.14" },
  /** `CNB_EXEC_ENV`: buildpacks and processes for one execution environment, and its label. */
  execEnv: { since: "0.15" },
  /** `system.toml`: buildpacks before and after every group. */
  systemBuildpacks: { since: "0.15" },
} as const satisfies Readonly<Record<string, ApiRange>>;

/** The names of the features of a Platform API. */
export type PlatformFeature = keyof typeof rows;

/** What a Platform API has. `api` is for messages, labels and variables, never for comparisons. */
export type PlatformFeatures = { readonly api: string } & { readonly [name in PlatformFeature]: boolean };

/**
 * The features of a Platform API. Throws `PLATFORM_API_UNSUPPORTED` (exit 11) for an empty, malformed
 * or unsupported version. Platform specification, "Platform API version".
 */
export function platformFeatures(version: string): PlatformFeatures {
  const parsed = parsePlatformApi(version);
  const flags = Object.entries(rows).map(([name, range]) => [name, isWithin(parsed, range)] as const);
  return Object.freeze({ api: version, ...Object.fromEntries(flags) }) as PlatformFeatures;
}

/**
 * Whether the Platform API that an image was built with has a feature, for versions that we do not
 * speak, too: an image may be older than every API that is supported. False for a malformed version.
 */
export function hasFeature(version: string, feature: PlatformFeature): boolean {
  const parsed = parseApiVersion(version);
  return parsed !== undefined && isWithin(parsed, rows[feature]);
}

/** Reads `CNB_PLATFORM_API`. Throws `PLATFORM_API_UNSUPPORTED`. */
export function parsePlatformApi(version: string): ApiVersion {
  const hint = `supported are ${platformApis.join(", ")}`;
  if (version.trim() === "") {
    throw unsupported(
      "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
      hint,
    );
  }
  const parsed = parseApiVersion(version);
  if (parsed === undefined) throw unsupported(`failed to parse platform API '${version}'`, hint);
  if (isSupported(parsed, platformApis)) return parsed;
  throw unsupported(
    `failed to set platform API: platform API version '${version}' is incompatible with the lifecycle`,
    hint,
  );
}

function unsupported(message: string, hint: string): TspackError {
  return new TspackError("PLATFORM_API_UNSUPPORTED", message, { hint });
}
