import { existsSync } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { withLock } from "../../stores/layout/lock.ts";
import { fields, parseToml, type TomlDocument, type TomlOutput, type TomlTable, writeToml } from "../../toml.ts";
import { privateDirectory } from "../places.ts";
import { replaceFile } from "../private-file.ts";
import { readSettings } from "../settings.ts";

/** Keys of `config.toml` with their new values; undefined removes a key. */
export type SettingsChange = Readonly<Record<string, TomlOutput | undefined>>;

/**
 * Changes keys of the settings and keeps everything else, comments as well where the text allows
 * it. The file appears whole and for its owner only; who changes it at the same time waits.
 * `change` gets what is there. Throws `INVALID_TOML` for a file that is broken already, `LOCK_TIMEOUT`.
 */
export async function editSettings(
  path: string,
  change: (settings: ReturnType<typeof readSettings>) => SettingsChange | undefined,
): Promise<void> {
  await privateDirectory(dirname(path));
  await withLock(`${path}.lock`, async () => {
    const changes = change(readSettings(path));
    if (changes === undefined) return;
    // A link of those who keep their settings elsewhere stays one.
    const file = existsSync(path) ? await realpath(path) : path;
    const text = existsSync(path) ? await readFile(file, "utf8") : "";
    await replaceFile(file, editText(text, changes, path));
  });
}

/** The text of a TOML document with some root keys changed. */
export function editText(text: string, changes: SettingsChange, source: string): string {
  const before = parseToml(text, source);
  const rest = Object.entries(before.table).filter(([key]) => !Object.hasOwn(changes, key));
  const whole = writeToml(fields({ ...Object.fromEntries(rest), ...changes }));
  const edited = Object.entries(changes).reduce((all, [key, value]) => changeKey(all, key, value, source), text);
  // The text is changed line by line; what was spelled in an unusual way is written anew.
  return isSame(edited, whole, source) ? edited : whole;
}

function changeKey(text: string, key: string, value: TomlOutput | undefined, source: string): string {
  const document = tryParse(text, source);
  if (document === undefined) return text;
  const old = document.table[key];
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const kept = old === undefined ? lines : withoutKey(lines, key, document);
  if (value === undefined) return joined(kept);
  const own = writeToml(fields({ [key]: value }))
    .replace(/\n$/, "")
    .split("\n")
    .filter((line) => line !== "");
  const isTable = own[0]?.startsWith("[") === true;
  if (isTable) return joined([...kept, ...(kept.length === 0 || kept.at(-1) === "" ? [] : [""]), ...own]);
  const place = old === undefined ? firstTable(kept) : (document.position([key])?.line ?? 1) - 1;
  return joined([...kept.slice(0, place), ...own, ...kept.slice(place)]);
}

/** The lines without those of a root key: its own line, or every `[key]` and `[[key]]` with what is in it. */
function withoutKey(lines: readonly string[], key: string, document: TomlDocument): readonly string[] {
  let inside = false;
  return lines.filter((line, index) => {
    const header = /^\s*\[\[?\s*"?([A-Za-z0-9_-]+)"?/.exec(line)?.[1];
    if (header !== undefined) inside = header === key;
    const isLine = header === undefined && !inside && index + 1 === document.position([key])?.line;
    // Comments between tables are about the next one, or about all.
    return !(isLine || (inside && !line.trimStart().startsWith("#")));
  });
}

function firstTable(lines: readonly string[]): number {
  const index = lines.findIndex((line) => /^\s*\[/.test(line));
  if (index === -1) return lines.length;
  let at = index;
  while (at > 0 && /^\s*(?:#.*)?$/.test(lines[at - 1] ?? "")) at--;
  return at;
}

function joined(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function tryParse(text: string, source: string): TomlDocument | undefined {
  try {
    return parseToml(text, source);
  } catch {
    return undefined;
  }
}

function isSame(a: string, b: string, source: string): boolean {
  const [left, right] = [tryParse(a, source), tryParse(b, source)];
  return left !== undefined && right !== undefined && canonical(left.table) === canonical(right.table);
}

function canonical(table: TomlTable): string {
  const sorted = Object.fromEntries(Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(sorted, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}
