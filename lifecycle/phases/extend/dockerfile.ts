import { TspackError } from "../../errors.ts";

/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals: `FROM`. */
  readonly name: string;
  /** What follows the name, continued lines joined; here-documents are left out, as nothing here runs them. */
  readonly args: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
}

/** A Dockerfile as it was written: nothing is expanded. */
export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  /** What takes a character's meaning and continues a line: a backslash, or a backtick by `# escape=`. */
  readonly escape: string;
}

const known: readonly string[] = [
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
];

/** Splits a Dockerfile into its instructions. Throws `INVALID_DOCKERFILE` with the line. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const escape = escapeOf(lines);
  const instructions: Instruction[] = [];
  let next = 0;
  while (next < lines.length) {
    const start = next;
    const joined = joinLines(lines, start, escape);
    next = joined.next;
    if (joined.text === "") continue;
    const instruction = split(joined.text, start + 1);
    instructions.push(instruction);
    next = skipHereDocuments(instruction, lines, next);
  }
  if (instructions.length === 0) throw invalid("file with no instructions");
  return { instructions, escape };
}

/** Parser directives are comments before everything else. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const directive = /^\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/.exec(line);
    if (directive === null) break;
    if (directive[1]?.toLowerCase() !== "escape") continue;
    if (directive[2] === "\\" || directive[2] === "`") return directive[2];
    throw invalid(`invalid escape token '${directive[2]}' does not match \` or \\`);
  }
  return "\\";
}

interface Joined {
  readonly text: string;
  readonly next: number;
}

/** One instruction's text: lines that end in the escape character go on; comments and empty lines among them do not count. */
function joinLines(lines: readonly string[], start: number, escape: string): Joined {
  let text = "";
  for (let index = start; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (/^\s*(#|$)/.test(line)) {
      if (index === start) return { text: "", next: index + 1 };
      continue;
    }
    const trimmed = line.trimEnd();
    const goesOn = trimmed.endsWith(escape) && !trimmed.endsWith(escape + escape);
    text += goesOn ? trimmed.slice(0, -1) : line;
    if (!goesOn) return { text: text.trim(), next: index + 1 };
  }
  return { text: text.trim(), next: lines.length };
}

function split(text: string, line: number): Instruction {
  const [word = ""] = text.split(/\s/, 1);
  const name = word.toUpperCase();
  if (!known.includes(name)) {
    throw invalid(`dockerfile parse error on line ${line}: unknown instruction: ${word}`);
  }
  return { name, args: text.slice(word.length).trim(), line };
}

/** The line after the here-documents that an instruction opens. */
function skipHereDocuments({ name, args, line }: Instruction, lines: readonly string[], start: number): number {
  if (!["RUN", "COPY", "ADD"].includes(name)) return start;
  let next = start;
  for (const [, dash, , end = ""] of args.matchAll(/(?<=^|\s)\d*<<(-?)(["']?)([A-Za-z0-9_][\w.-]*)\2(?=\s|$)/g)) {
    while (next < lines.length && (dash === "-" ? lines[next]?.replace(/^\t+/, "") : lines[next]) !== end) next += 1;
    if (next === lines.length) {
      throw invalid(`dockerfile parse error on line ${line}: unterminated heredoc`);
    }
    next += 1;
  }
  return next;
}

/** An error in a Dockerfile; who reads the file adds its name. */
export function invalid(message: string, hint?: string): TspackError {
  return new TspackError("INVALID_DOCKERFILE", message, { hint });
}
