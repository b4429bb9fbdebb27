import { TspackError } from "../../errors.ts";
import { byteString, nameOf, textOf, type ByteString } from "./byte-string.ts";
import { BLOCK, type EntryType, type TarFormat, type TarHeader } from "./header.ts";
import { canonicalTime } from "./pax.ts";

/** What a type flag stands for; the last four change the entry that follows. */
export type BlockKind = EntryType | "pax" | "pax-global" | "gnu-name" | "gnu-linkname";

const kinds: Readonly<Record<string, BlockKind>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "dir",
  "6": "fifo",
  x: "pax",
  g: "pax-global",
  L: "gnu-name",
  K: "gnu-linkname",
};

/** One header block as it stands, before extensions are applied. */
export interface RawHeader {
  readonly kind: BlockKind;
  readonly name: ByteString;
  readonly linkname: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly format: TarFormat | undefined;
  readonly atime?: string;
  readonly ctime?: string;
}

/** What extension entries said about the entry that follows them. */
export interface Extensions {
  readonly records?: ReadonlyMap<string, ByteString>;
  readonly name?: ByteString;
  readonly linkname?: ByteString;
}

/** Reads a header block. Throws `INVALID_TAR` for a bad checksum, number or type. */
export function decodeBlock(block: Uint8Array): RawHeader {
  const bytes = Buffer.from(block.buffer, block.byteOffset, BLOCK);
  const isAscii = checkSum(bytes);
  const format = formatOf(bytes);
  const flag = bytes.toString("latin1", 156, 157);
  const kind = kinds[flag];
  const name = nameField(bytes, format);
  if (kind === undefined) {
    throw new TspackError(
      "INVALID_TAR",
      `the entry ${JSON.stringify(textOf(name))} has the unknown type ${JSON.stringify(flag)}`,
    );
  }
  return {
    // Before POSIX a directory was a file whose name ends in a slash.
    kind: flag === "\0" && name.endsWith("/") ? "dir" : kind,
    name,
    linkname: stringField(bytes, 157, 100),
    mode: numberField(bytes, 100, 8),
    uid: numberField(bytes, 108, 8),
    gid: numberField(bytes, 116, 8),
    size: numberField(bytes, 124, 12),
    mtime: numberField(bytes, 136, 12),
    devMajor: format === undefined ? 0 : numberField(bytes, 329, 8),
    devMinor: format === undefined ? 0 : numberField(bytes, 337, 8),
    // A block that USTAR does not allow says nothing about the format that its writer wanted.
    format: format === "ustar" && !isAscii ? undefined : format,
    ...(format === "gnu" && bytes[345] !== 0 ? { atime: String(numberField(bytes, 345, 12)) } : {}),
    ...(format === "gnu" && bytes[357] !== 0 ? { ctime: String(numberField(bytes, 357, 12)) } : {}),
  };
}

/** An entry with its extensions applied. PAX wins over the block. POSIX pax, extended header. */
export function applyExtensions(
  raw: RawHeader,
  type: EntryType,
  extensions: Extensions,
): Required<Pick<TarHeader, "size">> & TarHeader {
  const { records } = extensions;
  const text = (key: string): ByteString | undefined => records?.get(key) || undefined;
  const atime = canonicalTime(text("atime") ?? "") ?? raw.atime;
  const ctime = canonicalTime(text("ctime") ?? "") ?? raw.ctime;
  const format = formatWith(raw.format, extensions);
  return {
    name: nameOf(text("path") ?? extensions.name ?? raw.name),
    linkname: nameOf(text("linkpath") ?? extensions.linkname ?? raw.linkname),
    type,
    mode: raw.mode,
    uid: wholeNumber("uid", text("uid")) ?? raw.uid,
    gid: wholeNumber("gid", text("gid")) ?? raw.gid,
    // Only files have content; a size of anything else is a trick to hide entries.
    size: type === "file" ? (wholeNumber("size", text("size")) ?? raw.size) : 0,
    mtime: Math.floor(Number(canonicalTime(text("mtime") ?? "") ?? raw.mtime)),
    devMajor: raw.devMajor,
    devMinor: raw.devMinor,
    ...(format === undefined ? {} : { format }),
    ...(records === undefined ? {} : { records }),
    ...(atime === undefined ? {} : { atime }),
    ...(ctime === undefined ? {} : { ctime }),
  };
}

function formatWith(format: TarFormat | undefined, extensions: Extensions): TarFormat | undefined {
  if (extensions.records !== undefined) return format === "gnu" ? undefined : "pax";
  return format;
}

function wholeNumber(key: string, text: ByteString | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new TspackError("INVALID_TAR", `the PAX record ${key} is ${JSON.stringify(textOf(text))}, not a number`);
}

function formatOf(block: Buffer): TarFormat | undefined {
  const magic = block.toString("latin1", 257, 265);
  if (magic === "ustar  \0") return "gnu";
  return magic.startsWith("ustar\0") ? "ustar" : undefined;
}

function nameField(block: Buffer, format: TarFormat | undefined): ByteString {
  const name = stringField(block, 0, 100);
  const prefix = format === "ustar" ? stringField(block, 345, 155) : "";
  return (prefix === "" ? name : `${prefix}/${name}`) as ByteString;
}

function stringField(block: Buffer, at: number, size: number): ByteString {
  const end = block.indexOf(0, at);
  return byteString(block.subarray(at, end === -1 || end > at + size ? at + size : end));
}

function numberField(block: Buffer, at: number, size: number): number {
  const digits = octalDigits(block, at, at + size);
  if (digits !== undefined) return digits;
  if (((block[at] ?? 0) & 0x80) !== 0) return base256(block.subarray(at, at + size));
  const text = block.toString("latin1", at, at + size).replace(/^[ \0]+|[ \0]+$/g, "");
  if (/^[0-7]*$/.test(text)) return Number.parseInt(text || "0", 8);
  throw new TspackError("INVALID_TAR", `the tar has ${JSON.stringify(text)} where an octal number belongs`);
}

/** A number as most programs write it: digits, then NULs or spaces. Undefined: it has to be looked at more closely. */
function octalDigits(block: Buffer, from: number, end: number): number | undefined {
  let value = 0;
  let at = from;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < end; at++) if (block[at] !== 0 && block[at] !== 0x20) return undefined;
  return value;
}

/** Binary numbers of GNU tar: two's complement, big endian, the top bit is a mark. */
function base256(field: Buffer): number {
  let value = BigInt((field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  const number = Number(BigInt.asIntN(field.length * 8 - 1, value));
  if (Number.isSafeInteger(number)) return number;
  throw new TspackError("INVALID_TAR", "the tar has a number that is too large");
}

/** Whether the block has ASCII only. Throws `INVALID_TAR` when it is not what its checksum says. */
function checkSum(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let large = 0;
  for (let index = 0; index < BLOCK; index++) {
    const byte = block[index] ?? 0;
    if (byte > 127) large++;
    // The checksum itself counts as spaces.
    if (index < 148 || index >= 156) unsigned += byte;
  }
  const stored = numberField(block, 148, 8);
  if (stored === unsigned || stored === signedSum(block)) return large === 0;
  throw new TspackError("INVALID_TAR", "a header of the tar has a wrong checksum", {
    hint: "the file is damaged, or it is no tar",
  });
}

/** The sum of old programs, which added signed characters. */
function signedSum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index++) {
    if (index < 148 || index >= 156) sum += block.readInt8(index);
  }
  return sum;
}
