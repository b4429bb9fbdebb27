/** A version of the Platform API or of the Buildpack API. */
export interface ApiVersion {
  readonly major: number;
  readonly minor: number;
}

/** The versions from `since` on and below `until`; without a bound there is none. */
export interface ApiRange {
  readonly since?: string;
  readonly until?: string;
}

/** Reads `0.12`, and as the reference does also `v0.12` and `1`; undefined for anything else. */
export function parseApiVersion(text: string): ApiVersion | undefined {
  const match = /^v?(\d{1,9})\.?(\d{0,9})$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Whether a version lies in a range. A bound of a table that is no version is a bug, and a plain `Error`. */
export function isWithin(version: ApiVersion, range: ApiRange): boolean {
  if (range.since !== undefined && compare(version, bound(range.since)) < 0) return false;
  return range.until === undefined || compare(version, bound(range.until)) < 0;
}

/** Whether one of the supported versions serves the wanted one: the same 0.x, or a later minor of the same major. */
export function isSupported(wanted: ApiVersion, supported: readonly string[]): boolean {
  return supported.map(bound).some((one) => {
    if (one.major === 0) return compare(one, wanted) === 0;
    return one.major === wanted.major && one.minor >= wanted.minor;
  });
}

function bound(text: string): ApiVersion {
  const version = parseApiVersion(text);
  if (version === undefined) throw new Error(`${JSON.stringify(text)} in a table of features is no API version`);
  return version;
}

function compare(a: ApiVersion, b: ApiVersion): number {
  return a.major === b.major ? a.minor - b.minor : a.major - b.major;
}
