import { formatFloat, quoteKey, quoteToml } from "./quote.ts";
import { TomlDate, TomlFields, TomlRaw, type TomlOutput } from "./value.ts";

type Entry = readonly [string, TomlOutput];

/**
 * The text of a document in the layout of the reference implementation, byte for byte, because
 * `metadata.toml` is a file of the image: two spaces per level, plain keys before tables, a blank
 * line before every `[[…]]` and before `[…]` at the top only. Plain tables are sorted by key.
 */
export function writeToml(root: TomlOutput): string {
  const lines: string[] = [];
  writeTable(lines, entriesOf(root) ?? [], []);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function entriesOf(value: TomlOutput): readonly Entry[] | undefined {
  if (value instanceof TomlFields) return value.entries.filter((entry): entry is Entry => entry[1] !== undefined);
  if (value instanceof TomlRaw || value instanceof TomlDate || typeof value !== "object" || isArray(value)) {
    return undefined;
  }
  return Object.entries(value).sort(([a], [b]) => compareBytes(a, b));
}

/** The order of Go's string comparison, which is not that of UTF-16 units. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isArray(value: TomlOutput): value is readonly TomlOutput[] {
  return Array.isArray(value);
}

function isTableArray(value: TomlOutput): value is readonly TomlOutput[] {
  return isArray(value) && value.length > 0 && value.every((item) => entriesOf(item) !== undefined);
}

function writeTable(lines: string[], entries: readonly Entry[], path: readonly string[]): void {
  const indent = "  ".repeat(path.length);
  const tables: Entry[] = [];
  for (const [key, value] of entries) {
    if (entriesOf(value) !== undefined || isTableArray(value)) tables.push([key, value]);
    else lines.push(`${indent}${quoteKey(key)} = ${inline(value)}`);
  }
  for (const [key, value] of tables) writeSubTable(lines, value, [...path, key], indent);
}

function writeSubTable(lines: string[], value: TomlOutput, path: readonly string[], indent: string): void {
  const name = path.map(quoteKey).join(".");
  const single = entriesOf(value);
  if (single !== undefined) {
    if (path.length === 1 && lines.length > 0) lines.push("");
    lines.push(`${indent}[${name}]`);
    writeTable(lines, single, path);
    return;
  }
  for (const item of isArray(value) ? value : []) {
    if (lines.length > 0) lines.push("");
    lines.push(`${indent}[[${name}]]`);
    writeTable(lines, entriesOf(item) ?? [], path);
  }
}

function inline(value: TomlOutput): string {
  if (typeof value === "string") return quoteToml(value);
  if (typeof value === "number") return formatFloat(value);
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof TomlDate || value instanceof TomlRaw) return value.text;
  if (isArray(value)) return `[${value.map(inline).join(", ")}]`;
  return inlineTable(entriesOf(value) ?? []);
}

function inlineTable(entries: readonly Entry[]): string {
  const isSub = ([, value]: Entry) => entriesOf(value) !== undefined || isTableArray(value);
  const ordered = [...entries.filter((entry) => !isSub(entry)), ...entries.filter(isSub)];
  return `{${ordered.map(([key, value]) => `${quoteKey(key)} = ${inline(value)}`).join(", ")}}`;
}
