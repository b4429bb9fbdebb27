import { invalid } from "./dockerfile.ts";

/** The value of a variable; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

/** Splits at blanks that are neither quoted nor escaped; the words keep their quotes. */
export function splitWords(text: string, escape: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? "";
    if (char === escape && quote !== "'" && at + 1 < text.length) {
      word += char + text[at + 1];
      at += 1;
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (quote === char) quote = "";
      else if (quote === "" && (char === '"' || char === "'")) quote = char;
      word += char;
    }
  }
  return word === "" ? words : [...words, word];
}

/**
 * A word as a Dockerfile means it: quotes and escapes taken away, variables put in their place.
 * Throws `INVALID_DOCKERFILE` for a quote that does not end and for forms of `${…}` other than
 * `${name}`, `${name:-else}` and `${name:+then}`.
 */
export function expandWord(word: string, lookup: Lookup, escape: string): string {
  return new Expansion(word, lookup, escape).run();
}

/** One pass over a word. */
class Expansion {
  readonly #word: string;
  readonly #lookup: Lookup;
  readonly #escape: string;
  #at = 0;

  constructor(word: string, lookup: Lookup, escape: string) {
    this.#word = word;
    this.#lookup = lookup;
    this.#escape = escape;
  }

  run(): string {
    let text = "";
    while (this.#at < this.#word.length) {
      const char = this.#next();
      if (char === "'") text += this.#until("'");
      else if (char === '"') text += this.#inQuotes();
      else if (char === this.#escape) text += this.#at < this.#word.length ? this.#next() : char;
      else text += char === "$" ? this.#variable() : char;
    }
    return text;
  }

  #inQuotes(): string {
    let text = "";
    while (this.#at < this.#word.length) {
      const char = this.#next();
      if (char === '"') return text;
      if (char === "$") text += this.#variable();
      else if (char === this.#escape && ['"', "$", this.#escape].includes(this.#word[this.#at] ?? "")) {
        text += this.#next();
      } else text += char;
    }
    throw this.#unended('"');
  }

  #until(end: string): string {
    const start = this.#at;
    const found = this.#word.indexOf(end, start);
    if (found === -1) throw this.#unended(end);
    this.#at = found + 1;
    return this.#word.slice(start, found);
  }

  #variable(): string {
    if (this.#word[this.#at] !== "{") {
      const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|\d)/.exec(this.#word.slice(this.#at))?.[0];
      if (name === undefined) return "$";
      this.#at += name.length;
      return this.#lookup(name) ?? "";
    }
    this.#at += 1;
    return this.#modified(this.#until("}"));
  }

  #modified(inner: string): string {
    const form = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?)([-+])(.*))?$/s.exec(inner);
    if (form === null) throw invalid(`unsupported modifier in \${${inner}}`);
    const [, name = "", colon, sign, text = ""] = form;
    const value = this.#lookup(name);
    if (sign === undefined) return value ?? "";
    const isSet = value !== undefined && (colon === "" || value !== "");
    const other = (): string => expandWord(text, this.#lookup, this.#escape);
    if (sign === "-") return isSet ? value : other();
    return isSet ? other() : "";
  }

  #next(): string {
    const char = this.#word[this.#at] ?? "";
    this.#at += 1;
    return char;
  }

  #unended(end: string): Error {
    return invalid(`unexpected end of ${JSON.stringify(this.#word)} while looking for matching ${end}`);
  }
}
