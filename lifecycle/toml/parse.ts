import { parse, TomlDate as ParsedDate, TomlError } from "smol-toml";
import { InputError, type InputIssue } from "../errors.ts";
import { parseDate } from "./date.ts";
import { explainAsReference } from "./reference-message.ts";
import { locate, pathKey, type TomlPath, type TomlPlaces } from "./positions.ts";
import { type TomlTable, type TomlValue } from "./value.ts";

/** Line and column, both from 1; columns count UTF-16 units. */
export interface TomlPosition {
  readonly line: number;
  readonly column: number;
}

/** A parsed document that can say where its keys stand. */
export interface TomlDocument {
  /** How messages name it: a path. */
  readonly source: string;
  readonly table: TomlTable;
  /** Where the key stands, or the nearest key above it that does; `undefined` for the root. */
  readonly position: (path: TomlPath) => TomlPosition | undefined;
}

/** Text that is no TOML. `INVALID_TOML`; its one issue has the line and the column. */
export class TomlSyntaxError extends InputError {
  /** What the reference implementation prints for it, `toml: line 1: expected '.' or '=', but got 'a' instead`. */
  readonly referenceMessage: string;

  constructor(issue: InputIssue, referenceMessage: string, cause?: unknown) {
    super("INVALID_TOML", `${issue.source}: ${issue.got}`, [issue], {
      cause,
      hint: "the file has to be TOML 1.0, see https://toml.io",
    });
    this.referenceMessage = referenceMessage;
  }
}

/** No file of the specification comes near it; more is an attack or a mistake. In bytes. */
const largestDocument = 16 * 1024 * 1024;
const deepestNesting = 100;
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/**
 * Reads a TOML document. A byte order mark is dropped. Throws `INVALID_TOML` with line and column for
 * bad UTF-8, bad syntax, integers beyond 64 bits, days that do not exist, and absurd size or nesting.
 */
export function parseToml(input: Uint8Array | string, source: string): TomlDocument {
  const text = toText(input, source);
  const table = parseText(text, source);
  let places: TomlPlaces | undefined;
  const allPlaces = (): TomlPlaces => (places ??= locate(text));
  const convertAt: ConvertAt = { text, source, places: allPlaces };
  return {
    source,
    table: convertTable(table, [], convertAt),
    position: (path) => nearestPosition(text, allPlaces(), path),
  };
}

function toText(input: Uint8Array | string, source: string): string {
  if (input.length > largestDocument) {
    throw syntaxError(source, undefined, `is larger than ${largestDocument} bytes`, "document is too large");
  }
  if (typeof input === "string") return input.replace(/^\uFEFF/, "");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(input);
  } catch (cause) {
    throw syntaxError(source, firstBadLine(input), "is not UTF-8", "invalid UTF-8 byte", cause);
  }
}

function firstBadLine(bytes: Uint8Array): TomlPosition {
  const buffer = Buffer.from(bytes);
  let line = 1;
  for (let start = 0; start < buffer.length; line += 1) {
    const newline = buffer.indexOf(0x0a, start);
    const end = newline === -1 ? buffer.length : newline + 1;
    const text = buffer.toString("utf8", start, end);
    if (!Buffer.from(text).equals(buffer.subarray(start, end))) return { line, column: text.indexOf("\uFFFD") + 1 };
    start = end;
  }
  return { line: 1, column: 1 };
}

function parseText(text: string, source: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true, maxDepth: deepestNesting });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const said = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    const position = { line: error.line, column: error.column };
    throw syntaxError(source, position, said, explainAsReference(text, position.line, said), error);
  }
}

function syntaxError(
  source: string,
  position: TomlPosition | undefined,
  got: string,
  reference: string,
  cause?: unknown,
): TomlSyntaxError {
  const at = position === undefined ? source : `${source}:${position.line}:${position.column}`;
  const line = position?.line ?? 1;
  const message = reference.startsWith("line ") ? `toml: ${reference}` : `toml: line ${line}: ${reference}`;
  return new TomlSyntaxError({ source: at, path: "", expected: "TOML", got }, message, cause);
}

interface ConvertAt {
  readonly text: string;
  readonly source: string;
  readonly places: () => TomlPlaces;
}

function convertTable(table: unknown, path: TomlPath, at: ConvertAt): TomlTable {
  if (path.length > deepestNesting) {
    throw syntaxError(
      at.source,
      undefined,
      `is nested more than ${deepestNesting} deep`,
      "document is nested too deep",
    );
  }
  // No prototype: a key may be called "__proto__".
  const result: Record<string, TomlValue> = Object.create(null) as Record<string, TomlValue>;
  for (const [key, value] of Object.entries(table ?? {})) result[key] = convert(value, [...path, key], at);
  return result;
}

function convert(value: unknown, path: TomlPath, at: ConvertAt): TomlValue {
  if (Array.isArray(value)) return value.map((item: unknown, index) => convert(item, [...path, index], at));
  if (value instanceof ParsedDate) return convertDate(path, at);
  if (typeof value === "bigint") {
    if (value >= int64.min && value <= int64.max) return value;
    throw valueError(path, at, `${value} does not fit into 64 bits`, `${value} is out of range for int64`);
  }
  if (typeof value === "object") return convertTable(value, path, at);
  return value as string | number | boolean;
}

/** The parser keeps milliseconds only, and takes 30 February; the text has the truth. */
function convertDate(path: TomlPath, at: ConvertAt): TomlValue {
  const start = at.places().get(pathKey(path))?.value ?? 0;
  const text =
    /^[\d:.+\-Zz]+(?:[Tt ][\d:.]+(?:[Zz]|[+-]\d{2}:\d{2})?)?/.exec(at.text.slice(start, start + 64))?.[0] ?? "";
  const date = parseDate(text);
  if (date !== undefined) return date;
  throw valueError(path, at, `${text} is no date`, `invalid datetime: ${JSON.stringify(text)}`);
}

function valueError(path: TomlPath, at: ConvertAt, got: string, reference: string): TomlSyntaxError {
  const position = nearestPosition(at.text, at.places(), path) ?? { line: 1, column: 1 };
  const key = path.filter((part) => typeof part === "string").join(".");
  return syntaxError(at.source, position, got, `line ${position.line} (last key ${JSON.stringify(key)}): ${reference}`);
}

function nearestPosition(text: string, places: TomlPlaces, path: TomlPath): TomlPosition | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const place = places.get(pathKey(path.slice(0, length)));
    if (place === undefined) continue;
    const before = text.slice(0, place.key);
    const line = before.split("\n").length;
    return { line, column: place.key - (before.lastIndexOf("\n") + 1) + 1 };
  }
  return undefined;
}
