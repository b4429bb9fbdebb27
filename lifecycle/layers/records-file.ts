import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { errorCode } from "../errors.ts";

/** Short texts by key that one build leaves for the next. Losing them costs time and nothing else. */
export type Records = ReadonlyMap<string, string>;

/**
 * Reads what `writeRecords` wrote. None when there is no such file or it is damaged, and none
 * when it is of the future: then the clock was set back since, and times of files that are
 * changed now may be those that were recorded.
 */
export function readRecords(path: string, now: number): Records {
  try {
    const file: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof file !== "object" || file === null) return none;
    const { at, entries } = file as { readonly at?: unknown; readonly entries?: unknown };
    if (typeof at !== "number" || at > now || !isTexts(entries)) return none;
    return new Map(Object.entries(entries));
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) !== undefined) return none;
    throw error;
  }
}

/** Replaces a file of records in one step, readable by its owner alone. False: it could not be written. */
export function writeRecords(path: string, entries: Records, now: number): boolean {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const text = JSON.stringify({ at: now, entries: Object.fromEntries(entries) });
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    rmSync(temporary, { force: true });
    return false;
  }
}

const none: Records = new Map();

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}
