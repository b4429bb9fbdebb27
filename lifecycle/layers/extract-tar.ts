import { chmodSync, closeSync, constants, fchmodSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { errorCode, TspackError } from "../errors.ts";
import type { ByteStream } from "../oci/layer.ts";
import { byteString, nameOf, textOf, type ByteString } from "../oci/tar/byte-string.ts";
import { readTar, type TarEntry } from "../oci/tar/unpack.ts";
import { linkTarget } from "./disk-entry.ts";
import { extractImageEntry, writeBytes } from "./extract-image.ts";
import { ExtractRoot, lstatIfThere, outside, statIfThere } from "./extract-root.ts";
import type { Place } from "./place.ts";
import { RootDirectories } from "./root-directories.ts";

/** Options of unpacking. */
export interface ExtractOptions {
  /**
   * `restore`: a layer that the lifecycle made comes back, as the reference does it. `image`:
   * one more layer of an image's root file system, with hard links and whiteouts. OCI
   * image-spec, layer. `copy`: as `image`, but a file whose name begins with `.wh.` is a file.
   */
  readonly mode: "restore" | "image" | "copy";
  /** Sets each entry's owner as in the tar. Needs root; without it everything is the caller's. */
  readonly chown?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What an entry needs to be unpacked. */
export interface Extraction {
  readonly root: ExtractRoot;
  readonly directories: RootDirectories;
  readonly chown: boolean;
  /** Whether names that begin with `.wh.` take away what layers below have. */
  readonly whiteouts: boolean;
  /** Modes that directories get when all is in them: one that is read-only could not be filled. */
  readonly directoryModes: Map<ByteString, number>;
  /** What this tar made, which its own whiteouts do not take away. */
  readonly made: Set<ByteString>;
}

/**
 * Unpacks a plain tar below a directory. A `Place` maps its name in the builder (`/layers`) to
 * where it is on this machine; with a text all names are relative to it. Modes do not depend on
 * the umask. Throws `INVALID_TAR` for names that lead outside and for types that do not belong.
 */
export async function extractTar(
  source: ByteStream,
  destination: string | Place,
  options: ExtractOptions,
): Promise<void> {
  const root = new ExtractRoot(destination);
  const extraction: Extraction = {
    root,
    directories: new RootDirectories(root.path),
    chown: options.chown === true,
    whiteouts: options.mode === "image",
    directoryModes: new Map(),
    made: new Set(),
  };
  const extractEntry = options.mode === "restore" ? restoreEntry : extractImageEntry;
  for await (const entry of readTar(source)) {
    options.signal?.throwIfAborted();
    const name = byteString(entry.header.name);
    const path = root.resolve(name);
    if ((path === undefined || path === root.path) && entry.header.type !== "dir") throw outside(name);
    const waits = path === undefined ? undefined : extractEntry(entry, path, extraction);
    if (waits !== undefined) await waits;
  }
  for (const [path, mode] of extraction.directoryModes) chmodSync(nameOf(path), mode);
}

/** An entry of a layer that comes back: existing directories and files keep their modes; one that is there in place of a link is an error. */
export function restoreEntry(
  entry: TarEntry,
  path: ByteString,
  extraction: Pick<Extraction, "root" | "directoryModes">,
): Promise<void> | undefined {
  const { root, directoryModes } = extraction;
  const { header } = entry;
  switch (header.type) {
    case "dir":
      root.prepareParent(path);
      if (statIfThere(path)?.isDirectory() === true) return undefined;
      mkdirSync(nameOf(path));
      directoryModes.set(path, header.mode & 0o7777);
      return undefined;
    case "file":
      root.prepareParent(path);
      return restoreFile(entry, path, root);
    case "symlink":
      root.prepareParent(path);
      restoreLink(path, byteString(header.linkname ?? ""));
      root.forget();
      return undefined;
    case "hardlink":
    case "char":
    case "block":
    case "fifo":
      throw new TspackError("INVALID_TAR", `a layer cannot have a ${header.type}: ${textOf(byteString(header.name))}`, {
        hint: "the cache or the image is not of a lifecycle; clear the cache and build again",
      });
  }
}

function restoreFile(entry: TarEntry, path: ByteString, root: ExtractRoot): Promise<void> | undefined {
  const file = createFile(path);
  if (file !== undefined) {
    // Before the content: the kernel then drops setuid as it does for the reference's files.
    fchmodSync(file, entry.header.mode & 0o7777);
    return writeContent(file, entry);
  }
  if (lstatIfThere(path)?.isSymbolicLink() === true && (statIfThere(path) === undefined || !root.contains(path))) {
    throw outside(byteString(entry.header.name));
  }
  return writeContent(openSync(nameOf(path), constants.O_WRONLY | constants.O_TRUNC | constants.O_NONBLOCK), entry);
}

/**
 * Opens a file that was not there; undefined when something is. Mostly nothing is, so looking
 * first would be one more system call for each file of a layer.
 */
function createFile(path: ByteString): number | undefined {
  try {
    return openSync(nameOf(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return undefined;
  }
}

function restoreLink(path: ByteString, target: ByteString): void {
  const there = lstatIfThere(path);
  if (there?.isSymbolicLink() === true && linkTarget(path).equals(Buffer.from(target, "latin1"))) return;
  if (there !== undefined) {
    throw new TspackError("INVALID_TAR", `cannot make the link ${textOf(path)}: something is there already`, {
      hint: "two layers have the same file, or the directory was not empty",
    });
  }
  symlinkSync(nameOf(target), nameOf(path));
}

/** Writes an entry's content into an open file and closes it. Undefined: it is done. */
function writeContent(file: number, entry: TarEntry): Promise<void> | undefined {
  const whole = entry.whole();
  if (whole === undefined) return writeChunks(file, entry);
  try {
    writeBytes(file, whole);
  } finally {
    closeSync(file);
  }
  return undefined;
}

async function writeChunks(file: number, entry: TarEntry): Promise<void> {
  try {
    for await (const chunk of entry.content()) writeBytes(file, chunk);
  } finally {
    closeSync(file);
  }
}
