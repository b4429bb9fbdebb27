import { InputError, type ErrorCode, type InputIssue } from "./errors.ts";
import { isTable, TomlDate, type TomlDocument, type TomlPath, type TomlTable, type TomlValue } from "./toml.ts";

/** Where a decoded value came from, and what to call a failure. */
export interface DecodeOptions {
  readonly code: ErrorCode;
  /** A path, a label's name: what messages begin with. */
  readonly source: string;
  /** Turns a path into a line and a column, when the source has them. */
  readonly position?: TomlDocument["position"] | undefined;
  readonly hint?: string | undefined;
}

/**
 * Decodes a value with `read`, which goes on after a problem with a stand-in value. Throws one
 * `InputError` of `options.code` with every problem that was found, or the first hundred of more.
 */
export function decode<T>(value: unknown, options: DecodeOptions, read: (root: TableReader) => T): T {
  const issues: InputIssue[] = [];
  let problems = 0;
  const report: Report = (path, expected, got) => {
    problems += 1;
    if (problems > shownIssues) return;
    const position = options.position?.(path);
    const place = position === undefined ? "" : `:${position.line}:${position.column}`;
    issues.push({ source: options.source + place, path: pathText(path), expected, got });
  };
  if (!isTable(value)) report([], "a table", describe(value));
  const result = read(new TableReader(isTable(value) ? value : {}, [], report));
  if (issues.length === 0) return result;
  const count = problems === 1 ? "1 problem" : `${problems} problems`;
  throw new InputError(options.code, `${count} in ${options.source}`, issues, { hint: options.hint });
}

/** A file that is wrong everywhere is told so; nobody reads a million lines about it. */
const shownIssues = 100;

/** Decodes a TOML document; its positions are used in the issues. */
export function decodeToml<T>(
  document: TomlDocument,
  options: { readonly code: ErrorCode; readonly hint?: string | undefined },
  read: (root: TableReader) => T,
): T {
  return decode(document.table, { source: document.source, position: document.position, ...options }, read);
}

/** Parses JSON. Throws `INVALID_JSON` that names the source. */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new InputError("INVALID_JSON", `${source} is not JSON`, [{ source, path: "", expected: "JSON", got }], {
      cause,
    });
  }
}

type Report = (path: TomlPath, expected: string, got: string) => void;

/** A table that is being decoded. Wrong values are reported and read as absent. */
export class TableReader {
  private readonly table: { readonly [key: string]: unknown };
  private readonly path: TomlPath;
  private readonly report: Report;

  constructor(table: { readonly [key: string]: unknown }, path: TomlPath, report: Report) {
    this.table = table;
    this.path = path;
    this.report = report;
  }

  /** The keys of the table, in the document's order. */
  keys(): readonly string[] {
    return Object.keys(this.table);
  }

  /** The undecoded value; `null` (of JSON) counts as absent. */
  raw(key: string): unknown {
    return Object.hasOwn(this.table, key) ? (this.table[key] ?? undefined) : undefined;
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  /** Adds a problem with a key; `got` is its value when it is not given. */
  issue(key: string | number | undefined, expected: string, got?: string): void {
    const path = key === undefined ? this.path : [...this.path, key];
    this.report(path, expected, got ?? (key === undefined ? "this" : describe(this.raw(String(key)))));
  }

  string(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "string") return value;
    this.issue(key, "a string");
    return undefined;
  }

  /** A string that has to be there and not be empty; `""` stands in for it after a problem. */
  requiredString(key: string): string {
    const value = this.raw(key);
    if (typeof value === "string" && value !== "") return value;
    this.issue(key, value === undefined || value === "" ? "a string that is not empty" : "a string");
    return "";
  }

  boolean(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "boolean") return value;
    this.issue(key, "true or false");
    return undefined;
  }

  /** A whole number that JavaScript holds exactly. */
  integer(key: string): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) return number;
    this.issue(key, "an integer");
    return undefined;
  }

  strings(key: string): readonly string[] | undefined {
    return this.items(key, "an array of strings")?.flatMap((item, index) => {
      if (typeof item === "string") return [item];
      this.report([...this.path, key, index], "a string", describe(item));
      return [];
    });
  }

  /** A table below this one, or undefined. */
  optionalTable(key: string): TableReader | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (isTable(value)) return this.child(value, [key]);
    this.issue(key, "a table");
    return undefined;
  }

  /** A table below this one; an empty one when it is absent. */
  child(value: TomlTable, path: TomlPath): TableReader {
    return new TableReader(value, [...this.path, ...path], this.report);
  }

  /** A table below this one that reads as empty when it is absent. */
  subTable(key: string): TableReader {
    return this.optionalTable(key) ?? this.child({}, [key]);
  }

  /** An array of tables; empty when it is absent. */
  tables(key: string): readonly TableReader[] {
    return (this.items(key, "an array of tables") ?? []).flatMap((item, index) => {
      if (isTable(item)) return [this.child(item, [key, index])];
      this.report([...this.path, key, index], "a table", describe(item));
      return [];
    });
  }

  /** The tables of a map, with their keys. */
  tableEntries(): readonly (readonly [string, TableReader])[] {
    return this.keys().flatMap((key) => {
      const value = this.optionalTable(key);
      return value === undefined ? [] : [[key, value] as const];
    });
  }

  /** A value that is passed on without looking into it. */
  value(key: string): TomlValue | undefined {
    const value = this.raw(key);
    if (!isDeeper(value, deepestValue)) return plainValue(value);
    this.issue(key, `at most ${deepestValue} levels`, "more");
    return undefined;
  }

  /** A table that is passed on without looking into it. */
  freeTable(key: string): TomlTable | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (!isTable(value)) {
      this.issue(key, "a table");
      return undefined;
    }
    return this.value(key) as TomlTable | undefined;
  }

  private items(key: string, expected: string): readonly unknown[] | undefined {
    const value = this.raw(key);
    if (value === undefined || Array.isArray(value)) return value;
    this.issue(key, expected);
    return undefined;
  }
}

/** A label is the image's, and may be an attack on the stack. */
const deepestValue = 100;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1));
}

/** A decoded TOML or JSON value as a TOML value. JSON's null has no counterpart and is dropped. */
export function plainValue(value: unknown): TomlValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.map(plainValue).filter((item) => item !== undefined);
  if (!isTable(value)) return value as TomlValue;
  const table: Record<string, TomlValue> = Object.create(null) as Record<string, TomlValue>;
  for (const [key, item] of Object.entries(value)) {
    const plain = plainValue(item);
    if (plain !== undefined) table[key] = plain;
  }
  return table;
}

/** How a value reads in "got …": its kind, and the value itself when it is short. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "bigint") return `integer ${value}`;
  if (typeof value === "number") return `number ${value}`;
  if (typeof value === "boolean") return `boolean ${value}`;
  if (value instanceof TomlDate) return `date ${value.text}`;
  return Array.isArray(value) ? "an array" : "a table";
}

function pathText(path: TomlPath): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${part}`))
    .join("");
}
