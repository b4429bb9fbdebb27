import type { ErrorCode, InputIssue } from "../errors.ts";
import { InputError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads fields of a JSON document and collects everything that is wrong, to throw once at the end. */
export interface JsonReader {
  /** Notes a problem. */
  issue(path: string, expected: string, got: unknown): void;
  object(value: unknown, path: string): JsonObject;
  array(value: unknown, path: string): readonly unknown[];
  string(value: unknown, path: string): string;
  optionalString(value: unknown, path: string): string | undefined;
  size(value: unknown, path: string): number;
  digest(value: unknown, path: string): Digest;
  strings(value: unknown, path: string): readonly string[] | undefined;
  stringMap(value: unknown, path: string): Readonly<Record<string, string>> | undefined;
  /** Throws what was collected. */
  finish(message: string): void;
}

/** Parses bytes and hands out a reader. Throws `code` at once when the bytes are not JSON. */
export function readJson(
  bytes: Uint8Array,
  source: string,
  code: ErrorCode,
): { readonly document: unknown; readonly reader: JsonReader } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { document: JSON.parse(text) as unknown, reader: jsonReader(source, code) };
  } catch (cause) {
    const issue = { source, path: "", expected: "a JSON document", got: (cause as Error).message };
    throw new InputError(code, `${source} is not JSON`, [issue], { cause });
  }
}

function jsonReader(source: string, code: ErrorCode): JsonReader {
  const issues: InputIssue[] = [];
  const issue = (path: string, expected: string, got: unknown): void => {
    // A document that is wrong everywhere is told so; nobody reads a million lines about it.
    if (issues.length < 100) issues.push({ source, path, expected, got: describe(got) });
  };
  const reader: JsonReader = {
    issue,
    object: (value, path) => {
      if (isObject(value)) return value;
      issue(path, "an object", value);
      return {};
    },
    array: (value, path) => {
      if (Array.isArray(value)) return value;
      issue(path, "an array", value);
      return [];
    },
    string: (value, path) => {
      if (typeof value === "string") return value;
      issue(path, "a string", value);
      return "";
    },
    optionalString: (value, path) => (value === undefined || value === null ? undefined : reader.string(value, path)),
    size: (value, path) => {
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
      issue(path, "a size in bytes", value);
      return 0;
    },
    digest: (value, path) => readDigest(value, path, issue),
    strings: (value, path) => {
      if (value === undefined || value === null) return undefined;
      return reader.array(value, path).map((item, index) => reader.string(item, `${path}[${index}]`));
    },
    stringMap: (value, path) => {
      if (value === undefined || value === null) return undefined;
      const entries = Object.entries(reader.object(value, path));
      return Object.fromEntries(entries.map(([key, item]) => [key, reader.string(item, `${path}.${key}`)]));
    },
    finish: (message) => {
      if (issues.length > 0) throw new InputError(code, message, issues);
    },
  };
  return reader;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readDigest(
  value: unknown,
  path: string,
  issue: (path: string, expected: string, got: unknown) => void,
): Digest {
  try {
    return parseDigest(value as string);
  } catch {
    issue(path, '"sha256:" and 64 lower-case hexadecimal digits', value);
    return "" as Digest;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return JSON.stringify(value);
}
