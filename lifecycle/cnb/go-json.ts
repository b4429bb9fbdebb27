import { InputError } from "../errors.ts";
import { dateToJson, isTable, TomlDate, type TomlValue } from "../toml.ts";

/** What `goJson` writes. Plain objects are structures with keys in this order; `undefined` is left out. */
export type JsonOutput =
  | string
  | number
  | bigint
  | boolean
  | null
  | TomlDate
  | JsonMap
  | readonly JsonOutput[]
  | { readonly [key: string]: JsonOutput | undefined };

/** A map with keys that are not ours: written sorted by bytes. An object would put the key `2` before `10`. */
export class JsonMap {
  readonly entries: readonly (readonly [string, JsonOutput])[];

  constructor(entries: Iterable<readonly [string, JsonOutput]>) {
    this.entries = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
}

/**
 * JSON as Go's encoder writes it without spaces, because labels are bytes of the image's config:
 * `<`, `>`, `&`, U+2028 and U+2029 are escaped. Throws `INVALID_LAYER` for numbers that JSON lacks.
 */
export function goJson(value: JsonOutput): string {
  if (value === null) return "null";
  if (typeof value === "string") return goJsonString(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof TomlDate) return goJsonString(dateToJson(value));
  if (isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const entries = value instanceof JsonMap ? value.entries : Object.entries(value);
  const pairs = entries.flatMap(([key, item]) => (item === undefined ? [] : [`${goJsonString(key)}:${goJson(item)}`]));
  return `{${pairs.join(",")}}`;
}

function isArray(value: JsonOutput): value is readonly JsonOutput[] {
  return Array.isArray(value);
}

/** A string with its quotation marks. */
export function goJsonString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A float: JavaScript's shortest form changes to an exponent where Go's does. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  const issue = { source: "metadata", path: "", expected: "a finite number", got: String(value) };
  throw new InputError("INVALID_LAYER", `${value} cannot be written to a label`, [issue]);
}

/** A value of a buildpack, whose tables are all maps. `null` for none. */
export function freeJson(value: TomlValue | undefined): JsonOutput {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map((item: TomlValue) => freeJson(item));
  if (isTable(value)) return new JsonMap(Object.entries(value).map(([key, item]) => [key, freeJson(item)]));
  return value;
}
