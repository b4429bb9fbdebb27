import { TspackError } from "../../errors.ts";
import { byteString, isAscii, type ByteString } from "./byte-string.ts";
import { chooseFormat, fitsInOctal, splitName, type FormatPlan } from "./format.ts";
import { encodeRecords, paxEntryName } from "./pax.ts";

/** Bytes of one tar block; headers and contents are padded to it. */
export const BLOCK = 512;

/** 1980-01-01T00:00:01Z in seconds: the time of every entry of a layer, so that layers are reproducible. */
export const LAYER_MTIME = 315532801;

/** What an entry is. Sockets cannot be in a tar. */
export type EntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "dir" | "fifo";

/** The three dialects of tar that are read and written. */
export type TarFormat = "ustar" | "pax" | "gnu";

/** One entry's metadata. Text is written as UTF-8; names that are not UTF-8 are given as bytes. */
export interface TarHeader {
  /** As written: a directory of a layer has no trailing slash. */
  readonly name: string | Uint8Array;
  readonly type: EntryType;
  /** Permissions with setuid, setgid and sticky, without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the content; 0 when absent. */
  readonly size?: number;
  readonly linkname?: string | Uint8Array;
  /** Seconds since 1970; `LAYER_MTIME` when absent. */
  readonly mtime?: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** The format of the tar that the entry was read from, which is kept when it can be. */
  readonly format?: TarFormat;
  /** PAX records as read: extended attributes, comments. Values are bytes. */
  readonly records?: ReadonlyMap<string, ByteString>;
  /** Decimal seconds, as PAX writes them. */
  readonly atime?: string;
  readonly ctime?: string;
}

const typeFlags: Readonly<Record<EntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
};

/**
 * The blocks before an entry's content, with extension entries when the format needs them.
 * The bytes are those that Go's archive/tar writes for the reference, because they decide a
 * layer's DiffID. Throws `INVALID_TAR` for what no format can carry.
 */
export function encodeHeader(header: TarHeader): Uint8Array {
  const name = byteString(header.name);
  const linkname = byteString(header.linkname ?? "");
  const plan = chooseFormat(header, name, linkname);
  if (plan.format === "ustar") return ustarHeader(header, name, linkname);
  return plan.format === "pax" ? paxHeader(header, name, linkname, plan) : gnuHeader(header, name, linkname);
}

function ustarHeader(header: TarHeader, name: ByteString, linkname: ByteString): Buffer {
  const split = splitName(name);
  const block = mainBlock(header, split?.suffix ?? name, linkname, putOctal);
  if (split !== undefined) putString(block, 345, 155, split.prefix);
  return seal(block, "ustar");
}

function paxHeader(header: TarHeader, name: ByteString, linkname: ByteString, plan: FormatPlan): Buffer {
  const block = seal(mainBlock(header, asciiOnly(name), asciiOnly(linkname), putOctal), "pax");
  if (plan.records.size === 0) return block;
  return Buffer.concat([extensionEntry(paxEntryName(name), "x", encodeRecords(plan.records), "pax"), block]);
}

function gnuHeader(header: TarHeader, name: ByteString, linkname: ByteString): Buffer {
  const parts: Buffer[] = [];
  for (const [text, flag] of [
    [name, "L"],
    [linkname, "K"],
  ] as const) {
    if (text.length > 100) parts.push(extensionEntry("././@LongLink", flag, Buffer.from(`${text}\0`, "latin1"), "gnu"));
  }
  const block = mainBlock(header, name, linkname, putNumber);
  if (header.atime !== undefined) putNumber(block, 345, 12, wholeSeconds(header.atime));
  if (header.ctime !== undefined) putNumber(block, 357, 12, wholeSeconds(header.ctime));
  parts.push(seal(block, "gnu"));
  return Buffer.concat(parts);
}

type PutNumber = (block: Buffer, at: number, size: 8 | 12, value: number) => void;

function mainBlock(header: TarHeader, name: string, linkname: string, put: PutNumber): Buffer {
  // From the pool, which is much cheaper than memory of its own for every header.
  const block = Buffer.allocUnsafe(BLOCK).fill(0);
  putString(block, 0, 100, name);
  put(block, 100, 8, header.mode);
  put(block, 108, 8, header.uid);
  put(block, 116, 8, header.gid);
  put(block, 124, 12, header.size ?? 0);
  put(block, 136, 12, header.mtime ?? LAYER_MTIME);
  block.write(typeFlags[header.type], 156, "latin1");
  putString(block, 157, 100, linkname);
  put(block, 329, 8, header.devMajor ?? 0);
  put(block, 337, 8, header.devMinor ?? 0);
  return block;
}

/** An entry that carries long names or PAX records for the next one. Its device fields stay NUL. */
function extensionEntry(name: string, flag: string, data: Uint8Array, format: TarFormat): Buffer {
  if (data.length > 1 << 20) throw new TspackError("INVALID_TAR", "the extended tar header is longer than 1 MiB");
  const block = Buffer.alloc(BLOCK);
  putString(
    block,
    0,
    100,
    asciiOnly(name as ByteString)
      .slice(0, 100)
      .replace(/\/+$/, ""),
  );
  for (const at of [100, 108, 116]) putOctal(block, at, 8, 0);
  putOctal(block, 124, 12, data.length);
  putOctal(block, 136, 12, 0);
  block.write(flag, 156, "latin1");
  return Buffer.concat([seal(block, format), data, Buffer.alloc(paddingAfter(data.length))]);
}

/** Zero bytes that follow a content of `size` bytes. */
export function paddingAfter(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function seal(block: Buffer, format: TarFormat): Buffer {
  block.write(format === "gnu" ? "ustar  \0" : "ustar\x0000", 257, "latin1");
  block.fill(0x20, 148, 156);
  let sum = 0;
  // By index: this loop runs over every header of a layer, and iterators are several times slower.
  for (let index = 0; index < BLOCK; index++) sum += block[index] ?? 0;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function putString(block: Buffer, at: number, size: number, text: string): void {
  block.write(text, at, size, "latin1");
  // A name that is cut after a slash would make a file look like a directory.
  if (text.length > size && text[size - 1] === "/") {
    block[at + text.slice(0, size - 1).replace(/\/+$/, "").length] = 0;
  }
}

/** Zero when it does not fit: a PAX record has the true value. */
function putOctal(block: Buffer, at: number, size: 8 | 12, value: number): void {
  const fitting = fitsInOctal(size, value) ? value : 0;
  block.write(fitting.toString(8).padStart(size - 1, "0"), at, size - 1, "latin1");
}

function putNumber(block: Buffer, at: number, size: 8 | 12, value: number): void {
  if (fitsInOctal(size, value)) return putOctal(block, at, size, value);
  let rest = BigInt(value);
  for (let index = size - 1; index >= 0; index--) {
    block[at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[at] = (block[at] ?? 0) | 0x80;
}

function asciiOnly(text: ByteString): string {
  return isAscii(text) ? text : text.replace(/[^\u0001-\u007f]/g, "");
}

function wholeSeconds(time: string): number {
  return Math.floor(Number(time));
}
