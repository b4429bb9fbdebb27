/**
 * A value of a TOML document. Integers are `bigint` and floats are `number`, because a plan
 * that says `3` must not come back as `3.0`.
 */
export type TomlValue = string | boolean | bigint | number | TomlDate | readonly TomlValue[] | TomlTable;

/** A TOML table; the order of keys is the document's. Read keys with `Object.hasOwn` when they are not literals. */
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** The kinds of dates and times that TOML knows. */
export type TomlDateKind = "offset-date-time" | "local-date-time" | "local-date" | "local-time";

/** A date or time as the document spells it. A class, so that no table can be taken for one. */
export class TomlDate {
  readonly kind: TomlDateKind;
  readonly text: string;

  constructor(kind: TomlDateKind, text: string) {
    this.kind = kind;
    this.text = text;
  }
}

/** A table whose keys are written in the order given, not sorted. `undefined` values are left out. */
export class TomlFields {
  readonly entries: readonly (readonly [string, TomlOutput | undefined])[];

  constructor(entries: readonly (readonly [string, TomlOutput | undefined])[]) {
    this.entries = entries;
  }
}

/** Text that is written as the value of a key as it is. */
export class TomlRaw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What `writeToml` takes: plain tables are maps with sorted keys, `TomlFields` are structures. */
export type TomlOutput =
  | string
  | boolean
  | bigint
  | number
  | TomlDate
  | TomlFields
  | TomlRaw
  | readonly TomlOutput[]
  | { readonly [key: string]: TomlOutput };

/** A structure for `writeToml`: keys stay in this order, `undefined` is left out. */
export function fields(object: { readonly [key: string]: TomlOutput | undefined }): TomlFields {
  return new TomlFields(Object.entries(object));
}

/** Whether a value is a table: no array, no date. */
export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof TomlDate);
}
