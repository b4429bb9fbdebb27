declare const __TSPACK_VERSION__: string | undefined;
declare const __TSPACK_COMMIT__: string | undefined;

/** The version of the package; `0.0.0` when the sources run without having been bundled. */
export const version: string = typeof __TSPACK_VERSION__ === "string" ? __TSPACK_VERSION__ : "0.0.0";

/** The first 8 digits of the commit that was bundled, or `unknown`. */
export const commit: string = typeof __TSPACK_COMMIT__ === "string" ? __TSPACK_COMMIT__ : "unknown";

/** What `-version` prints: `VERSION+COMMIT`. */
export const versionText = `${version}+${commit}`;
