import { InputError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";

/**
 * Parses JSON that may hold secrets: the error names line and column, and never quotes the
 * text as `JSON.parse` does. Throws an `InputError` of `code`.
 */
export function parseSecretJson(text: string, source: string, code: ErrorCode): unknown {
  const json = text.startsWith("\uFEFF") ? text.slice(1) : text;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    const offset = jsonErrorOffset(json);
    const before = json.slice(0, offset).split("\n");
    const position = `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    const got = offset >= json.length ? "the end of the text" : "something else";
    throw new InputError(code, `${source} is not valid JSON (line ${before.length})`, [
      { source: `${source}:${position}`, path: "", expected: "JSON", got },
    ]);
  }
}

const space = /[ \t\r\n]*/y;
const text = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** Where the first character stands that makes `json` invalid; its length when it ends too early. */
export function jsonErrorOffset(json: string): number {
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(json);
    if (match !== null) at += match[0].length;
    return match !== null;
  };
  const take = (character: string): boolean => {
    skip(space);
    if (json[at] !== character) return false;
    at += 1;
    return true;
  };
  const key = (): boolean => (skip(space), skip(text)) && take(":");
  // The brackets that are open, as what closes them: text may nest deeper than the call stack goes.
  const closers: string[] = [];
  const opens = (): boolean => {
    const closer = take("{") ? "}" : take("[") ? "]" : undefined;
    if (closer !== undefined) closers.push(closer);
    return closer !== undefined;
  };
  const closes = (): boolean => take(closers.at(-1) ?? "") && closers.pop() !== undefined;
  do {
    const isOpen = opens();
    if (!isOpen && !skip(text) && !skip(scalar)) return at;
    if (!isOpen || closes()) {
      while (closers.length > 0 && !take(",")) if (!closes()) return at;
    }
    if (closers.at(-1) === "}" && !key()) return at;
  } while (closers.length > 0);
  skip(space);
  return at;
}
