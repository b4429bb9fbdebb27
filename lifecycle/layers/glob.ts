import { posix } from "node:path";
import { InputError } from "../errors.ts";
import { byteString, textOf, type ByteString } from "../oci/tar/byte-string.ts";

/** Tells whether a path matches a glob. Paths are relative to the application, without `./`. */
export type Glob = (path: ByteString) => boolean;

/**
 * A slice's glob with the meaning of Go's `filepath.Match`: `*` and `?` stop at a slash, `[a-z]`
 * and `[^a-z]` are classes, a backslash takes the next character literally, a leading dot is
 * nothing special. The pattern is cleaned first, so `./dir/../other/` is `other`. Throws
 * `INVALID_LAYER` for a malformed pattern. Buildpack specification, launch.toml, slices.
 */
export function compileGlob(pattern: string): Glob {
  const cleaned = posix.normalize(pattern).replace(/(?<=.)\/+$/, "");
  const tokens = parse(byteString(cleaned), pattern);
  if (tokens.every((token) => token.kind === "literal")) {
    const literal = tokens.map((token) => token.character).join("");
    return (path) => path === literal;
  }
  return (path) => matches(tokens, path);
}

type Token =
  | { readonly kind: "literal"; readonly character: string }
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly Range[] };

interface Range {
  readonly from: number;
  readonly to: number;
}

function parse(pattern: ByteString, original: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] ?? "";
    if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "any" });
    else if (character === "[") {
      const { token, end } = parseClass(pattern, at + 1, original);
      tokens.push(token);
      at = end;
      continue;
    } else if (character === "\\") {
      at += 1;
      if (at >= pattern.length) throw malformed(original, "a character after the last backslash");
      tokens.push({ kind: "literal", character: pattern[at] ?? "" });
    } else tokens.push({ kind: "literal", character });
    at += 1;
  }
  return tokens;
}

function parseClass(
  pattern: ByteString,
  start: number,
  original: string,
): { readonly token: Token; readonly end: number } {
  const negated = pattern[start] === "^";
  const ranges: Range[] = [];
  let at = negated ? start + 1 : start;
  while (pattern[at] !== "]" || ranges.length === 0) {
    const from = classCharacter(pattern, at, original);
    at = from.end;
    let to = from;
    if (pattern[at] === "-") {
      to = classCharacter(pattern, at + 1, original);
      at = to.end;
    }
    ranges.push({ from: from.rune, to: to.rune });
  }
  return { token: { kind: "class", negated, ranges }, end: at + 1 };
}

function classCharacter(pattern: ByteString, start: number, original: string): Rune {
  const escaped = pattern[start] === "\\";
  const at = escaped ? start + 1 : start;
  const first = pattern[at];
  const missing = first === undefined || (!escaped && (first === "-" || first === "]"));
  const rune = runeAt(pattern, at);
  // The class has to be closed behind it, so it cannot be the pattern's end.
  if (missing || rune.end >= pattern.length || (rune.rune === replacement && rune.end === at + 1)) {
    throw malformed(original, "a character class such as [a-z]");
  }
  return rune;
}

function malformed(pattern: string, expected: string): InputError {
  const got = JSON.stringify(pattern);
  return new InputError("INVALID_LAYER", `the slice path ${got} is a malformed glob`, [
    { source: "launch.toml", path: "slices.paths", expected, got },
  ]);
}

/** Matches with one point to come back to: the last star, which takes one byte more each time. */
function matches(tokens: readonly Token[], path: ByteString): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < path.length || token < tokens.length) {
    const current = tokens[token];
    if (current?.kind === "star") {
      star = token;
      starAt = at;
      token += 1;
      continue;
    }
    const end = current === undefined ? -1 : step(current, path, at);
    if (end !== -1) {
      token += 1;
      at = end;
    } else if (star !== -1 && starAt < path.length && path[starAt] !== "/") {
      starAt += 1;
      at = starAt;
      token = star + 1;
    } else return false;
  }
  return true;
}

/** Where the path goes on after the token, or -1. */
function step(token: Exclude<Token, { kind: "star" }>, path: ByteString, at: number): number {
  if (at >= path.length) return -1;
  if (token.kind === "literal") return path[at] === token.character ? at + 1 : -1;
  if (token.kind === "any") return path[at] === "/" ? -1 : runeAt(path, at).end;
  const { rune, end } = runeAt(path, at);
  const inside = token.ranges.some((range) => range.from <= rune && rune <= range.to);
  return inside === token.negated ? -1 : end;
}

interface Rune {
  readonly rune: number;
  readonly end: number;
}

const replacement = 0xfffd;

/** One UTF-8 character; a byte that starts none counts as U+FFFD, as in Go. */
function runeAt(text: ByteString, at: number): Rune {
  const first = text.charCodeAt(at);
  if (first < 0x80) return { rune: first, end: at + 1 };
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const decoded = textOf(text.slice(at, at + length) as ByteString);
  const rune = decoded.codePointAt(0) ?? replacement;
  const whole = decoded.length === (rune > 0xffff ? 2 : 1) && Buffer.byteLength(decoded) === length;
  if (!whole || (rune === replacement && text.slice(at, at + 3) !== "\u00ef\u00bf\u00bd")) {
    return { rune: replacement, end: at + 1 };
  }
  return { rune, end: at + length };
}
