/**
 * Platforms look for the text that the reference's parser prints. For the mistakes that people make
 * it is rebuilt here from the line; for others our own words follow the line number.
 */
export function explainAsReference(text: string, line: number, ours: string): string {
  const lines = text.split("\n");
  const statement = lines[line - 1] ?? "";
  const after = line < lines.length ? "\n" : "\x00";
  const header = /^\s*(\[\[?)([^\]#]*)/.exec(statement);
  if (header !== null) return explainHeader(header[1] ?? "", header[2] ?? "", statement, line, after) ?? ours;
  const key =
    /^\s*((?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'))*)[ \t]*/.exec(
      statement,
    );
  if (key === null) return ours;
  const next = statement[key[0].length] ?? after;
  if (next !== "=") return `line ${lineAfter(next, line)}: expected '.' or '=', but got ${rune(next)} instead`;
  if (!/^=[ \t]*(?:#.*)?\r?$/.test(statement.slice(key[0].length))) return ours;
  const inTable = tableOf(lines, line);
  const name = [...inTable, (key[1] ?? "").replace(/\s+/g, "")].join(".");
  return `line ${line} (last key ${JSON.stringify(name)}): expected value but found ${rune(after)} instead`;
}

function explainHeader(open: string, name: string, statement: string, line: number, after: string): string | undefined {
  const rest = statement.slice(statement.indexOf(open) + open.length + name.length);
  if (open === "[[" && /^\][^\]]|^\]$/.test(rest)) {
    const found = rest[1] ?? after;
    return `line ${lineAfter(found, line)}: expected end of table array name delimiter ']', but got ${rune(found)} instead`;
  }
  if (rest !== "" && rest[0] === "]") return undefined;
  const found = /[A-Za-z0-9_"'-]\s+(\S)/.exec(name)?.[1] ?? rest[0] ?? after;
  return `line ${lineAfter(found, line)}: expected '.' or ']' to end table name, but got ${rune(found)} instead`;
}

function tableOf(lines: readonly string[], line: number): readonly string[] {
  for (let index = line - 2; index >= 0; index -= 1) {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(lines[index] ?? "");
    if (header !== null) return [(header[1] ?? "").replace(/\s+/g, "")];
  }
  return [];
}

/** The reference has counted a line feed already when it complains about it. */
function lineAfter(found: string, line: number): number {
  return found === "\n" ? line + 1 : line;
}

/** A character as Go's %q writes it. */
function rune(char: string): string {
  if (char === "\n") return "'\\n'";
  if (char === "\r") return "'\\r'";
  if (char === "\t") return "'\\t'";
  if (char === "\x00") return "'\\x00'";
  if (char === "'") return "'\\''";
  return `'${char}'`;
}
