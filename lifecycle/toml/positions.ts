import { parse } from "smol-toml";

/** A key of a document, seen from its root; numbers are places in arrays. */
export type TomlPath = readonly (string | number)[];

/** Where a key and its value begin, as offsets in the text. */
export interface TomlPlace {
  readonly key: number;
  readonly value: number;
}

/** The places of all keys and array elements, by `pathKey`. */
export type TomlPlaces = ReadonlyMap<string, TomlPlace>;

/** How a path is looked up in `TomlPlaces`. */
export function pathKey(path: TomlPath): string {
  return JSON.stringify(path);
}

/**
 * Finds where the keys of a document stand. It is asked for errors and dates only, and expects text
 * that has been parsed without an error: what is wrong with the grammar was found before.
 */
export function locate(text: string): TomlPlaces {
  return new Locator(text).run();
}

const scalarEnd = /[\s,\]}#]|$/g;
const dateWithSpace = /\d{4}-\d{2}-\d{2} \d{2}:/y;

class Locator {
  private readonly text: string;
  private at = 0;
  private readonly places = new Map<string, TomlPlace>();
  private readonly lengths = new Map<string, number>();

  constructor(text: string) {
    this.text = text;
  }

  run(): TomlPlaces {
    let table: TomlPath = [];
    for (this.skipBlank(); this.at < this.text.length; this.skipBlank()) {
      if (this.text[this.at] === "[") table = this.header();
      else this.pair(table);
    }
    return this.places;
  }

  private header(): TomlPath {
    const start = this.at;
    const isArray = this.text.startsWith("[[", this.at);
    this.at += isArray ? 2 : 1;
    const names = this.key("]");
    this.at += isArray ? 2 : 1;
    let path: TomlPath = [];
    for (const [index, name] of names.entries()) {
      path = [...path, name];
      const known = this.lengths.get(pathKey(path));
      if (isArray && index === names.length - 1) {
        this.lengths.set(pathKey(path), (known ?? 0) + 1);
        this.mark(path, start, start);
        path = [...path, known ?? 0];
      } else if (known !== undefined) path = [...path, known - 1];
      this.mark(path, start, start);
    }
    return path;
  }

  private pair(table: TomlPath): void {
    const start = this.at;
    const names = this.key("=");
    this.at += 1;
    this.skipSpaces();
    for (let count = 1; count <= names.length; count += 1) {
      this.mark([...table, ...names.slice(0, count)], start, this.at);
    }
    this.value([...table, ...names]);
  }

  private mark(path: TomlPath, key: number, value: number): void {
    const name = pathKey(path);
    if (!this.places.has(name)) this.places.set(name, { key, value });
  }

  /** The parts of a dotted key; stops on `end`. */
  private key(end: string): readonly string[] {
    const start = this.at;
    while (this.at < this.text.length && this.text[this.at] !== end) {
      if (this.text[this.at] === '"' || this.text[this.at] === "'") this.string();
      else this.at += 1;
    }
    return keyNames(this.text.slice(start, this.at));
  }

  private value(path: TomlPath): void {
    const first = this.text[this.at];
    if (first === "[") this.array(path);
    else if (first === "{") this.inlineTable(path);
    else if (first === '"' || first === "'") this.string();
    else this.scalar();
  }

  private array(path: TomlPath): void {
    this.at += 1;
    for (let index = 0; this.more("]"); index += 1) {
      this.mark([...path, index], this.at, this.at);
      this.value([...path, index]);
    }
  }

  private inlineTable(path: TomlPath): void {
    this.at += 1;
    while (this.more("}")) this.pair(path);
  }

  /** Goes to the next element; false, and past the end, when there is none. */
  private more(end: string): boolean {
    this.skipBlank();
    if (this.text[this.at] === ",") {
      this.at += 1;
      this.skipBlank();
    }
    if (this.at < this.text.length && this.text[this.at] !== end) return true;
    this.at += 1;
    return false;
  }

  private scalar(): void {
    dateWithSpace.lastIndex = this.at;
    scalarEnd.lastIndex = dateWithSpace.test(this.text) ? this.at + 11 : this.at;
    this.at = Math.max(this.at + 1, scalarEnd.exec(this.text)?.index ?? this.text.length);
  }

  private string(): void {
    const quote = this.text[this.at] ?? "";
    const long = quote.repeat(3);
    const mark = this.text.startsWith(long, this.at) ? long : quote;
    this.at += mark.length;
    while (this.at < this.text.length && !this.text.startsWith(mark, this.at)) {
      this.at += quote === '"' && this.text[this.at] === "\\" ? 2 : 1;
    }
    this.at += mark.length;
    // One or two quotation marks may stand before the three that end a long string.
    if (mark === quote) return;
    while (this.text[this.at] === quote) this.at += 1;
  }

  private skipSpaces(): void {
    while (this.text[this.at] === " " || this.text[this.at] === "\t") this.at += 1;
  }

  private skipBlank(): void {
    for (;;) {
      while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
      if (this.text[this.at] !== "#") return;
      while (this.at < this.text.length && this.text[this.at] !== "\n") this.at += 1;
    }
  }
}

/** The parts of a dotted key, with escapes resolved by the parser itself. */
function keyNames(text: string): readonly string[] {
  const bare = text.trim();
  if (/^[A-Za-z0-9_-]+$/.test(bare)) return [bare];
  const names: string[] = [];
  let table: unknown = parse(`${text} = 0`);
  while (typeof table === "object" && table !== null) {
    const [name = "", value]: [string?, unknown?] = Object.entries(table)[0] ?? [];
    names.push(name);
    table = value;
  }
  return names;
}
