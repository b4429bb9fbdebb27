import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { posix } from "node:path";
import { TspackError } from "../errors.ts";
import { byteString, nameOf, textOf, type ByteString } from "../oci/tar/byte-string.ts";
import { LAYER_MTIME } from "../oci/tar/header.ts";
import type { TarEntry } from "../oci/tar/unpack.ts";
import { below } from "./disk-entry.ts";
import { lstatIfThere, outside } from "./extract-root.ts";
import type { Extraction } from "./extract-tar.ts";

const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/**
 * Puts one entry of an image's layer over what the layers below left. Devices and FIFOs are
 * skipped: a sandbox has its own. OCI image-spec, layer, applying changesets.
 */
export async function extractImageEntry(entry: TarEntry, named: ByteString, extraction: Extraction): Promise<void> {
  const { header } = entry;
  const { directories, made } = extraction;
  const path = directories.locate(named);
  const base = posix.basename(path);
  if (extraction.whiteouts && base.startsWith(whiteout)) return applyWhiteout(path, base, extraction);
  if (header.type === "char" || header.type === "block" || header.type === "fifo") return;
  clear(path, header.type === "dir", extraction);
  if (header.type === "dir") makeDirectory(entry, path, extraction);
  else if (header.type === "file") await makeFile(entry, path, extraction);
  else if (header.type === "hardlink") makeHardLink(entry, path, extraction);
  else {
    symlinkSync(nameOf(byteString(header.linkname ?? "")), nameOf(path));
    directories.forget();
    if (extraction.chown) lchownSync(nameOf(path), header.uid, header.gid);
  }
  for (let known = path; !made.has(known) && known.length > 1; known = posix.dirname(known) as ByteString)
    made.add(known);
}

/** Takes away what is in the way; a directory stays when a directory comes. */
function clear(path: ByteString, directoryComes: boolean, extraction: Extraction): void {
  const existing = lstatIfThere(path);
  if (existing === undefined || (directoryComes && existing.isDirectory())) return;
  remove(path, extraction);
}

function remove(path: ByteString, { directories, directoryModes }: Extraction): void {
  if (lstatIfThere(path) === undefined) return;
  rmSync(nameOf(path), { recursive: true, force: true });
  directories.forget();
  for (const directory of directoryModes.keys()) {
    if (directory === path || directory.startsWith(`${path}/`)) directoryModes.delete(directory);
  }
}

function applyWhiteout(path: ByteString, base: string, extraction: Extraction): void {
  const directory = posix.dirname(path) as ByteString;
  if (base === opaque) return removeBelow(directory, extraction);
  const hidden = base.slice(whiteout.length);
  if (hidden === "" || hidden === "." || hidden === "..") throw outside(path);
  const victim = below(directory, hidden as ByteString);
  if (!extraction.made.has(victim)) remove(victim, extraction);
}

/** Removes what the layers below left in a directory, and not what this layer made. */
function removeBelow(directory: ByteString, extraction: Extraction): void {
  for (const name of readdirSync(nameOf(directory), { encoding: "buffer" })) {
    const path = below(directory, byteString(name));
    if (!extraction.made.has(path)) remove(path, extraction);
    else if (lstatIfThere(path)?.isDirectory() === true) removeBelow(path, extraction);
  }
}

function makeDirectory({ header }: TarEntry, path: ByteString, extraction: Extraction): void {
  if (lstatIfThere(path) === undefined) mkdirSync(nameOf(path), 0o700);
  if (extraction.chown) lchownSync(nameOf(path), header.uid, header.gid);
  extraction.directoryModes.set(path, modeOf(header.mode, extraction, 0o700));
}

async function makeFile(entry: TarEntry, path: ByteString, extraction: Extraction): Promise<void> {
  const { header } = entry;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = openSync(nameOf(path), flags, 0o600);
  try {
    const whole = entry.whole();
    if (whole !== undefined) writeBytes(file, whole);
    else for await (const chunk of entry.content()) writeBytes(file, chunk);
    if (extraction.chown) fchownSync(file, header.uid, header.gid);
    fchmodSync(file, modeOf(header.mode, extraction, 0o400));
    // Interpreters compare the times of sources and of what they compiled from them.
    futimesSync(file, header.mtime ?? LAYER_MTIME, header.mtime ?? LAYER_MTIME);
  } finally {
    closeSync(file);
  }
}

/** Writes all of some bytes into an open file. */
export function writeBytes(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

function makeHardLink({ header }: TarEntry, path: ByteString, { root, directories }: Extraction): void {
  const name = byteString(header.linkname ?? "");
  const named = root.resolve(name);
  if (named === undefined) throw outside(name);
  const target = directories.locate(named);
  const stats = lstatIfThere(target);
  // What was skipped, or left out by another layer, cannot be linked to.
  if (stats === undefined) {
    throw new TspackError("INVALID_TAR", `the hard link ${textOf(path)} leads to ${textOf(name)}, which is not there`);
  }
  linkSync(nameOf(target), nameOf(path));
}

/**
 * Without root everything belongs to the caller, who must be able to read and fill what was
 * root's; and setuid would then give away the caller's own rights.
 */
function modeOf(mode: number, { chown }: Extraction, ownerNeeds: number): number {
  return chown ? mode & 0o7777 : (mode & 0o1777) | ownerNeeds;
}
