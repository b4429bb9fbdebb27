/** What can be written as JSON. A `Map` keeps the order of its keys, integer-like ones too; `undefined` fields are left out. */
export type JsonWritable =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly JsonWritable[]
  | ReadonlyMap<string, JsonWritable>
  | { readonly [key: string]: JsonWritable };

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/**
 * JSON as Go's encoder writes it: no spaces, `<`, `>`, `&` and the two line separators escaped.
 * Labels and configs are compared by digest, so every byte counts.
 */
export function goJson(value: JsonWritable): string {
  if (typeof value === "string") return goString(value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
  const fields = entries.filter(([, field]) => field !== undefined);
  return `{${fields.map(([key, field]) => `${goString(key)}:${goJson(field as JsonWritable)}`).join(",")}}`;
}

/** A record as Go writes a map: keys in the order of their UTF-8 bytes. */
export function sortedMap<T extends JsonWritable>(record: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(record).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** A lone surrogate is no text that UTF-8 could carry: Go writes the replacement character. */
function goString(text: string): string {
  const wellFormed = Buffer.from(text, "utf8").toString("utf8");
  return JSON.stringify(wellFormed).replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char);
}
