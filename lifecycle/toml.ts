/**
 * A value of a TOML document. Integers are `bigint` and floats are `number`, because a plan
 * that says `3` must not come back as `3.0`.
 */
export type TomlValue = string | boolean | bigint | number | TomlDate | readonly TomlValue[] | TomlTable;

/** A TOML table; the order of keys is the document's. */
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** A date or time with the kind that TOML knows. */
export interface TomlDate {
  readonly kind: "offset-date-time" | "local-date-time" | "local-date" | "local-time";
  readonly text: string;
}
