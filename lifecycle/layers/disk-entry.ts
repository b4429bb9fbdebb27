import { lstatSync, readdirSync, readlinkSync, statSync, type Stats } from "node:fs";
import { isAscii, nameOf, type ByteString } from "../oci/tar/byte-string.ts";
import type { EntryType, TarHeader } from "../oci/tar/header.ts";
import type { Owner } from "./place.ts";
import { unreadable, type TarWriter } from "./tar-writer.ts";

/** A file, directory or link of this machine and what it is called in a layer. */
export interface DiskEntry {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly stats: Stats;
}

/** Reads what is at a path without following a link. Throws `EXPORT_FAILED`. */
export function diskEntry(path: ByteString, name: ByteString): DiskEntry {
  return { path, name, stats: statsOf(path, false) };
}

/** Reads what a directory has under a name; `isPlain`: the directory's path is ASCII. Throws `EXPORT_FAILED`. */
export function entryBelow(directory: DiskEntry, name: ByteString, isPlain = false): DiskEntry {
  const path = below(directory.path, name);
  // Mostly both are one text, which need not be made twice.
  const inLayer = directory.name === directory.path ? path : below(directory.name, name);
  if (!isPlain || !isAscii(name)) return diskEntry(path, inLayer);
  try {
    return { path, name: inLayer, stats: lstatSync(path) };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The metadata of a path. Throws `EXPORT_FAILED`. */
export function statsOf(path: ByteString, follow: boolean): Stats {
  try {
    return follow ? statSync(nameOf(path)) : lstatSync(nameOf(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The names in a directory, sorted by their bytes. Throws `EXPORT_FAILED`. */
export function namesIn(path: ByteString): readonly ByteString[] {
  try {
    // Node's latin1 has a character for each byte, and costs half of what a buffer for each name does.
    return (readdirSync(nameOf(path), { encoding: "latin1" }) as ByteString[]).sort();
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A path below another, without doubling the slash of the root. */
export function below(parent: ByteString, name: ByteString): ByteString {
  return (parent === "/" ? `/${name}` : `${parent}/${name}`) as ByteString;
}

/**
 * Writes an entry as the reference does: owner as given (or as on disk), the mode with its
 * special bits, hard links as full copies, sockets not at all.
 */
export function writeDiskEntry(tar: TarWriter, entry: DiskEntry, owner: Owner | undefined): Promise<void> | undefined {
  const { path, stats } = entry;
  const type = typeOf(stats);
  if (type === undefined) return undefined;
  const header: TarHeader = {
    name: nameOf(entry.name),
    type,
    mode: stats.mode & 0o7777,
    uid: owner?.uid ?? stats.uid,
    gid: owner?.gid ?? stats.gid,
  };
  if (type === "file") return tar.file({ ...header, size: stats.size }, path);
  if (type === "symlink") return tar.header({ ...header, linkname: linkTarget(path) });
  if (type === "char" || type === "block") return tar.header({ ...header, ...deviceNumbers(stats.rdev) });
  return tar.header(header);
}

function typeOf(stats: Stats): EntryType | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "dir";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  if (stats.isCharacterDevice()) return "char";
  if (stats.isBlockDevice()) return "block";
  return undefined;
}

/** The bytes of a link. Throws `EXPORT_FAILED`. */
export function linkTarget(path: ByteString): Buffer {
  try {
    return readlinkSync(nameOf(path), { encoding: "buffer" });
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Linux packs both numbers into one; makedev(3). */
function deviceNumbers(rdev: number): { readonly devMajor: number; readonly devMinor: number } {
  const device = BigInt(rdev);
  return {
    devMajor: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    devMinor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}
