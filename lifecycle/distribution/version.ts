declare const TSPACK_VERSION: string | undefined;
declare const TSPACK_COMMIT: string | undefined;

/** The version of the package; `0.0.0` when the sources run without having been bundled. */
export const version: string = typeof TSPACK_VERSION === "string" ? TSPACK_VERSION : "0.0.0";

/** The first 8 digits of the commit that was bundled, or `unknown`. */
export const commit: string = typeof TSPACK_COMMIT === "string" ? TSPACK_COMMIT : "unknown";

/** What `-version` prints: `VERSION+COMMIT`. */
export const versionText = `${version}+${commit}`;

declare const TSPACK_REPOSITORY: string | undefined;

/** Which lifecycle built an image, as its label `io.buildpacks.build.metadata` says it. */
export const lifecycleVersion = {
  version,
  repository: typeof TSPACK_REPOSITORY === "string" ? TSPACK_REPOSITORY : "tspack",
  commit,
} as const;
