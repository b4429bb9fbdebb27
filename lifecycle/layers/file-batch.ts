import { closeSync, constants, fchmodSync, openSync, readSync, unlinkSync } from "node:fs";
import { errorCode, TspackError } from "../errors.ts";
import { type ByteString, nameOf } from "../oci/tar/byte-string.ts";
import { writeBytes } from "./extract-image.ts";

/** A file that a tar has and the disk not yet. Plain data: it goes to another thread. */
export interface BatchFile {
  readonly path: ByteString;
  /** Permission bits. */
  readonly mode: number;
  /** Where the content is in the tar, in bytes. */
  readonly offset: number;
  readonly size: number;
}

/** Files whose directories are there, looked at and free of links. */
export interface FileBatch {
  /** The file that the plain tar is in. */
  readonly tar: string;
  readonly files: readonly BatchFile[];
}

const bufferSize = 1 << 20;

/**
 * Makes the files of a batch and never touches one that is there, nor follows a link in its place. Gives
 * those that it did not make: because something is there, or because making it failed, of which nothing is
 * left. Who asked makes them one by one, and learns what is wrong.
 */
export function writeBatch({ tar, files }: FileBatch): readonly BatchFile[] {
  const left: BatchFile[] = [];
  const buffer = Buffer.allocUnsafe(Math.min(bufferSize, Math.max(1, ...files.map(({ size }) => size))));
  let source: number;
  try {
    source = openSync(tar, constants.O_RDONLY);
  } catch {
    return files;
  }
  try {
    for (const [index, file] of files.entries()) {
      const outcome = writeFile(source, file, buffer);
      if (outcome === "exists") left.push(file);
      if (outcome === "failed") return [...left, ...files.slice(index)];
    }
  } finally {
    closeSync(source);
  }
  return left;
}

function writeFile(source: number, file: BatchFile, buffer: Buffer): "made" | "exists" | "failed" {
  const name = nameOf(file.path);
  let target: number;
  try {
    target = openSync(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    return errorCode(error) === "EEXIST" ? "exists" : "failed";
  }
  try {
    // Before the content, as for every restored file: the kernel then drops setuid.
    fchmodSync(target, file.mode);
    for (let at = 0; at < file.size;) {
      const part = readAt(source, file.offset + at, Math.min(buffer.length, file.size - at), buffer);
      writeBytes(target, part);
      at += part.length;
    }
    return "made";
  } catch {
    unlinkSync(name);
    return "failed";
  } finally {
    closeSync(target);
  }
}

/** Exactly so many bytes of a place in a file, in the buffer's memory. Throws `INVALID_TAR` where the file ends. */
export function readAt(file: number, offset: number, length: number, buffer: Buffer): Buffer {
  let filled = 0;
  while (filled < length) {
    const count = readSync(file, buffer, filled, length - filled, offset + filled);
    if (count === 0) throw new TspackError("INVALID_TAR", "the tar ended while it was read");
    filled += count;
  }
  return buffer.subarray(0, length);
}
