import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync, unlinkSync } from "node:fs";
import { posix } from "node:path";
import { errorCode, TspackError } from "../errors.ts";
import { type ByteString, nameOf } from "../oci/tar/byte-string.ts";
import { writeBytes } from "./extract-image.ts";

/** A file that a tar has and the disk perhaps not yet. Plain data: it goes to another thread. */
export interface BatchFile {
  readonly path: ByteString;
  /** Permission bits. */
  readonly mode: number;
  /** Where the content is in the tar, in bytes. */
  readonly offset: number;
  readonly size: number;
}

/** Files whose directories are there, looked at and free of links, in the order of the tar. */
export interface FileBatch {
  /** The file that the plain tar is in. */
  readonly tar: string;
  readonly files: readonly BatchFile[];
}

/** More than most files have, so that their contents come with one call. */
const bufferSize = 512 * 1024;

/**
 * Makes the files of batches, one batch at a time. A file that is there already is never touched: with the
 * same content it is as it should be, any other one, and a link in its place, is left to who asked. Gives those
 * that are left, because something else is there, or because making them failed, of which nothing stays.
 * Who asked makes them one by one, and learns what is wrong.
 */
export class BatchWriter {
  /** The batch's contents in the tar, and what is on the disk. */
  readonly #buffers = [Buffer.allocUnsafe(bufferSize), Buffer.allocUnsafe(bufferSize)] as const;

  write({ tar, files }: FileBatch): readonly BatchFile[] {
    let source: number;
    try {
      source = openSync(tar, constants.O_RDONLY);
    } catch {
      return files;
    }
    try {
      return new Batch(source, files, this.#buffers).write();
    } finally {
      closeSync(source);
    }
  }
}

class Batch {
  readonly #files: readonly BatchFile[];
  readonly #window: TarWindow;
  readonly #there: Buffer;
  /** Directories, each with a mode that a file got there as it was asked for: neither umask nor ACL takes a bit away. */
  readonly #kept = new Set<string>();

  constructor(source: number, files: readonly BatchFile[], [inTar, there]: readonly [Buffer, Buffer]) {
    this.#files = files;
    this.#window = new TarWindow(source, Math.max(0, ...files.map(({ offset, size }) => offset + size)), inTar);
    this.#there = there;
  }

  write(): readonly BatchFile[] {
    const left: BatchFile[] = [];
    // Mostly all files of a layer are there or none, and a call that fails costs more than one that does not.
    let looksFirst = false;
    for (const [index, file] of this.#files.entries()) {
      if (looksFirst && this.#isThere(file)) continue;
      const outcome = this.#make(file);
      if (outcome === "failed") return [...left, ...this.#files.slice(index)];
      if (outcome === "exists" && (looksFirst || !this.#isThere(file))) left.push(file);
      looksFirst = outcome === "exists";
    }
    return left;
  }

  #make(file: BatchFile): "made" | "exists" | "failed" {
    const name = nameOf(file.path);
    let target: number;
    try {
      target = openSync(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, file.mode & 0o777);
    } catch (error) {
      return errorCode(error) === "EEXIST" ? "exists" : "failed";
    }
    try {
      // Before the content, as for every restored file: the kernel then drops setuid.
      this.#setMode(target, file);
      for (let at = 0; at < file.size;) {
        const part = this.#window.read(file.offset + at, file.size - at);
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

  /** What the first file of a directory told is true of the next ones, which saves a call for each. */
  #setMode(target: number, { path, mode }: BatchFile): void {
    const key = `${mode} ${posix.dirname(path)}`;
    if (this.#kept.has(key)) return;
    if ((fstatSync(target).mode & 0o7777) === mode) this.#kept.add(key);
    else fchmodSync(target, mode);
  }

  #isThere(file: BatchFile): boolean {
    const comparing = isThere(file, (offset, limit) => this.#window.read(offset, limit), this.#there);
    for (;;) {
      const step = comparing.next();
      if (step.done === true) return step.value;
    }
  }
}

/**
 * Whether this very content is there, in a file and not behind a link. Goes one step with each buffer.
 * `read` gives at least one byte of a place in the tar, and at most so many as are asked for and as the buffer has.
 */
export function* isThere(
  { path, offset, size }: BatchFile,
  read: (offset: number, limit: number) => Buffer,
  buffer: Buffer,
): Generator<undefined, boolean, undefined> {
  const file = openIfFile(path);
  if (file === undefined) return false;
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size !== size) return false;
    for (let at = 0; at < size; yield) {
      const part = read(offset + at, size - at);
      if (!part.equals(readAt(file, at, part.length, buffer))) return false;
      at += part.length;
    }
    return true;
  } catch {
    // It cannot be read, or became shorter: it will be written.
    return false;
  } finally {
    closeSync(file);
  }
}

/** Opens what is there without following a link, nor waiting for the writer of a pipe. */
function openIfFile(path: ByteString): number | undefined {
  try {
    return openSync(nameOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** Reads contents that lie one after the other, many with one call. */
class TarWindow {
  readonly #source: number;
  /** Where the last content ends. */
  readonly #end: number;
  readonly #buffer: Buffer;
  #from = 0;
  #filled = 0;

  constructor(source: number, end: number, buffer: Buffer) {
    this.#source = source;
    this.#end = end;
    this.#buffer = buffer;
  }

  /** At least one byte and at most `limit` of a place in a content, valid until the next call. */
  read(offset: number, limit: number): Buffer {
    const wanted = Math.min(limit, this.#buffer.length);
    if (offset < this.#from || offset + wanted > this.#from + this.#filled) {
      const length = Math.min(this.#buffer.length, this.#end - offset);
      this.#filled = 0;
      this.#filled = readAt(this.#source, offset, length, this.#buffer).length;
      this.#from = offset;
    }
    return this.#buffer.subarray(offset - this.#from, offset - this.#from + wanted);
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
