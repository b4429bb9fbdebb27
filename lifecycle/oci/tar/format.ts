import { TspackError } from "../../errors.ts";
import { isAscii, textOf, type ByteString } from "./byte-string.ts";
import type { TarFormat, TarHeader } from "./header.ts";

/** How an entry is written. */
export interface FormatPlan {
  readonly format: TarFormat;
  /** What goes into the PAX header before the entry. */
  readonly records: ReadonlyMap<string, ByteString>;
}

const noRecords: ReadonlyMap<string, ByteString> = new Map();

/** Records whose value is a field of the header; a source's own are not copied beside it. */
const fieldKeys: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "uname",
  "gname",
  "mtime",
  "atime",
  "ctime",
]);

/** The first of USTAR, PAX and GNU that can carry the entry. Throws `INVALID_TAR` when none can. */
export function chooseFormat(header: TarHeader, name: ByteString, linkname: ByteString): FormatPlan {
  checkName(header, name);
  if (isPlain(header, name, linkname)) return { format: "ustar", records: noRecords };
  return new Choice(header, name, linkname).plan();
}

/** Nearly every entry: short, ASCII, small numbers, not from another tar. */
function isPlain(header: TarHeader, name: ByteString, linkname: ByteString): boolean {
  return (
    (header.format === undefined || header.format === "ustar") &&
    header.records === undefined &&
    header.atime === undefined &&
    header.ctime === undefined &&
    name.length <= 100 &&
    linkname.length <= 100 &&
    isAscii(name) &&
    isAscii(linkname) &&
    fitsInOctal(8, header.mode) &&
    fitsInOctal(8, header.uid) &&
    fitsInOctal(8, header.gid) &&
    fitsInOctal(12, header.size ?? 0) &&
    fitsInOctal(12, header.mtime ?? 0) &&
    fitsInOctal(8, header.devMajor ?? 0) &&
    fitsInOctal(8, header.devMinor ?? 0)
  );
}

/** Narrows the formats down, field by field, and gathers the records that PAX would need. */
class Choice {
  readonly #possible = new Set<TarFormat>(["ustar", "pax", "gnu"]);
  readonly #records = new Map<string, ByteString>();
  readonly #header: TarHeader;

  constructor(header: TarHeader, name: ByteString, linkname: ByteString) {
    this.#header = header;
    this.#text("path", name, splitName(name) !== undefined);
    this.#text("linkpath", linkname, false);
    for (const [size, value, key] of numbersOf(header)) this.#number(size, value, key);
    this.#time("atime", header.atime);
    this.#time("ctime", header.ctime);
    this.#sourceRecords();
  }

  plan(): FormatPlan {
    for (const [key, value] of this.#records) checkRecord(key, value);
    const wanted = this.#wanted();
    for (const format of ["ustar", "pax", "gnu"] as const) {
      if (this.#possible.has(format) && wanted.includes(format)) return { format, records: this.#records };
    }
    throw new TspackError("INVALID_TAR", "no tar format can carry the entry");
  }

  #wanted(): readonly TarFormat[] {
    const { format, atime, ctime } = this.#header;
    if (format === undefined) return ["ustar", "pax", "gnu"];
    if (format === "pax" && atime === undefined && ctime === undefined) return ["ustar", "pax"];
    return [format];
  }

  #text(key: string, text: ByteString, splits: boolean): void {
    if (text.includes("\0")) this.#possible.delete("gnu");
    if (text.length > 100 || !isAscii(text)) {
      if (!splits) this.#possible.delete("ustar");
      this.#records.set(key, text);
    }
    if (this.#header.records?.get(key) === text) this.#records.set(key, text);
  }

  #number(size: 8 | 12, value: number, key: string | undefined): void {
    const text = String(value) as ByteString;
    if (!fitsInOctal(size, value)) {
      this.#possible.delete("ustar");
      if (key === undefined) this.#possible.delete("pax");
      else this.#records.set(key, text);
    }
    if (key !== undefined && this.#header.records?.get(key) === text) this.#records.set(key, text);
  }

  #time(key: string, time: string | undefined): void {
    if (time === undefined) return;
    this.#possible.delete("ustar");
    this.#records.set(key, time as ByteString);
  }

  #sourceRecords(): void {
    const records = this.#header.records;
    if (records === undefined || records.size === 0) return;
    for (const [key, value] of records) {
      if (!this.#records.has(key) && !fieldKeys.has(key) && !key.startsWith("GNU.sparse.")) {
        this.#records.set(key, value);
      }
    }
    this.#possible.delete("ustar");
    this.#possible.delete("gnu");
  }
}

type NumericField = readonly [size: 8 | 12, value: number, paxKey?: string];

function numbersOf(header: TarHeader): readonly NumericField[] {
  return [
    [8, header.mode],
    [8, header.uid, "uid"],
    [8, header.gid, "gid"],
    [12, header.size ?? 0, "size"],
    [8, header.devMajor ?? 0],
    [8, header.devMinor ?? 0],
    [12, header.mtime ?? 0, "mtime"],
  ];
}

/** Whether a number has at most one octal digit less than the field has bytes, for the NUL. */
export function fitsInOctal(size: 8 | 12, value: number): boolean {
  return value >= 0 && value < (size === 8 ? 0o10000000 : 0o100000000000);
}

/** A name of more than 100 bytes as USTAR's prefix and name; undefined when it cannot be split. */
export function splitName(name: ByteString): { readonly prefix: string; readonly suffix: string } | undefined {
  if (name.length <= 100 || !isAscii(name)) return undefined;
  const end = name.length > 156 ? 156 : name.endsWith("/") ? name.length - 1 : name.length;
  const slash = name.slice(0, end).lastIndexOf("/");
  const suffix = name.slice(slash + 1);
  if (slash <= 0 || slash > 155 || suffix === "" || suffix.length > 100) return undefined;
  return { prefix: name.slice(0, slash), suffix };
}

function checkName(header: TarHeader, name: ByteString): void {
  const maySlash = header.type === "dir" || header.type === "symlink" || header.type === "hardlink";
  if (maySlash || !name.endsWith("/")) return;
  throw new TspackError("INVALID_TAR", `the name ${JSON.stringify(textOf(name))} of a ${header.type} ends in a slash`);
}

function checkRecord(key: string, value: ByteString): void {
  const bad = key === "path" || key === "linkpath" ? value.includes("\0") : key.includes("\0") || key.includes("=");
  if (!bad && key !== "") return;
  const what = bad && (key === "path" || key === "linkpath") ? `name ${JSON.stringify(textOf(value))}` : "record key";
  throw new TspackError("INVALID_TAR", `the ${what} has a byte that no tar format can carry`);
}
