declare const TSPACK_VERSION: string | undefined;
declare const TSPACK_COMMIT: string | undefined;

/** The version of the package; `0.0.0` when the sources run without having been bundled. */
export const version: string = typeof TSPACK_VERSION === "string" ? TSPACK_VERSION : "0.0.0";

/** The first 8 digits of the commit that was bundled, or `unknown`. */
export const commit: string = typeof TSPACK_COMMIT === "string" ? TSPACK_COMMIT : "unknown";

/** What `-version` prints: `VERSION+COMMIT`. */
export const versionText = `${version}+${commit}`;
