import { chmodSync, closeSync, constants, fstatSync, openSync } from "node:fs";
import { posix } from "node:path";
import { setImmediate } from "node:timers/promises";
import { byteString, nameOf, type ByteString } from "../oci/tar/byte-string.ts";
import { BLOCK } from "../oci/tar/header.ts";
import { indexTar, type IndexedEntry, type TarEntry } from "../oci/tar/unpack.ts";
import type { BatchThread } from "./batch-thread.ts";
import { ExtractRoot, outside } from "./extract-root.ts";
import { restoreEntry } from "./extract-tar.ts";
import { type BatchFile, BatchWriter, isThere, readAt } from "./file-batch.ts";
import type { Place } from "./place.ts";

/** Options of unpacking a file. */
export interface ExtractFileOptions {
  readonly signal: AbortSignal;
  /** The second thread, asked for when there is enough to do for two; undefined: there is none. */
  readonly thread: () => Promise<BatchThread | undefined>;
  /** The place was made for this tar, and so gets its mode from there. */
  readonly isNew?: boolean;
}

/** A batch is full with so many files or bytes: milliseconds of work. */
const batchFiles = 128;
const batchBytes = 4 << 20;

/** Up to here one thread is done before another would have started. */
const aloneFiles = 500;
const aloneBytes = 16 << 20;

/**
 * Unpacks a plain tar that lies in a file, as `extractTar` does in the mode `restore`, with two threads.
 * This one reads the headers, checks every path, and makes directories and links; files that are
 * not there yet are made in batches by whoever has time. Throws `INVALID_TAR`, and what the file system throws.
 */
export async function extractTarFile(tar: string, place: Place, options: ExtractFileOptions): Promise<void> {
  const file = openSync(tar, constants.O_RDONLY);
  try {
    await new FileExtraction(tar, file, place, options).run();
  } finally {
    closeSync(file);
  }
}

class FileExtraction {
  readonly #tar: string;
  readonly #file: number;
  readonly #options: ExtractFileOptions;
  readonly #extraction: { readonly root: ExtractRoot; readonly directoryModes: Map<ByteString, number> };
  /** What comes next to the other files, and which files are not made yet, here or there. */
  #batch: BatchFile[] = [];
  #bytes = 0;
  readonly #writer = new BatchWriter();
  readonly #pending = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #thread: BatchThread | undefined;
  #files = 0;
  #allBytes = 0;
  #asked = false;
  #parent: string | undefined;
  #failure: unknown;

  constructor(tar: string, file: number, place: Place, options: ExtractFileOptions) {
    this.#tar = tar;
    this.#file = file;
    this.#options = options;
    this.#extraction = { root: new ExtractRoot(place), directoryModes: new Map() };
  }

  async run(): Promise<void> {
    const buffer = Buffer.allocUnsafe((1 << 20) + BLOCK);
    const read = (offset: number, length: number): Uint8Array => readAt(this.#file, offset, length, buffer);
    try {
      for (const entry of indexTar(read, fstatSync(this.#file).size)) {
        const waits = this.#add(entry);
        if (waits !== undefined) await waits;
      }
      await this.#settle();
    } finally {
      await this.#othersDone();
    }
    for (const [path, mode] of this.#extraction.directoryModes) chmodSync(nameOf(path), mode);
  }

  #add(entry: IndexedEntry): Promise<void> | undefined {
    this.#options.signal.throwIfAborted();
    const { header } = entry;
    const { root } = this.#extraction;
    const name = byteString(header.name);
    const path = root.resolve(name);
    if ((path === undefined || path === root.path) && header.type !== "dir") throw outside(name);
    if (path === undefined) return undefined;
    if (path === root.path && this.#options.isNew === true)
      this.#extraction.directoryModes.set(path, header.mode & 0o7777);
    if (this.#meetsPending(path)) return this.#settle().then(() => this.#add(entry));
    if (header.type !== "file") return restoreEntry(this.#entry(entry), path, this.#extraction);
    root.prepareParent(path);
    const { size } = header;
    this.#batch.push({ path, mode: header.mode & 0o7777, offset: entry.offset, size });
    this.#pending.add(path);
    this.#bytes += size;
    return this.#batch.length >= batchFiles || this.#bytes >= batchBytes ? this.#give() : undefined;
  }

  /** Whether an entry is a file that is not made yet, or below one: its order matters then. Only odd tars have that. */
  #meetsPending(path: ByteString): boolean {
    if (this.#pending.has(path)) return true;
    const parent = posix.dirname(path);
    if (parent === this.#parent) return false;
    this.#parent = parent;
    const { length } = this.#extraction.root.path;
    for (let above = parent; above.length > length; above = posix.dirname(above)) {
      if (this.#pending.has(above)) return true;
    }
    return false;
  }

  /** Hands the batch to the other thread, or makes its files here when that one is busy. */
  async #give(): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const batch = this.#batch;
    this.#batch = [];
    this.#files += batch.length;
    this.#allBytes += this.#bytes;
    this.#bytes = 0;
    if (!this.#asked && (this.#files > aloneFiles || this.#allBytes > aloneBytes)) {
      this.#asked = true;
      this.#thread = await this.#options.thread();
    }
    if (this.#thread?.isHungry === true) this.#send(this.#thread, batch);
    else await this.#make(batch);
    // For signals and the other thread's answers.
    await setImmediate();
  }

  #send(thread: BatchThread, batch: readonly BatchFile[]): void {
    const running = thread
      .write({ tar: this.#tar, files: batch })
      // After a stop the tar is closed.
      .then((left) => (this.#options.signal.aborted ? undefined : this.#makeEach(left)))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        for (const { path } of batch) this.#pending.delete(path);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  async #make(batch: readonly BatchFile[]): Promise<void> {
    const isLarge = ({ size }: BatchFile): boolean => size > batchBytes;
    const files = batch.filter((file) => !isLarge(file));
    await this.#makeEach(this.#writer.write({ tar: this.#tar, files }));
    for (const file of batch.filter(isLarge)) await this.#makeLarge(file);
    for (const { path } of batch) this.#pending.delete(path);
  }

  /** A file that takes longer than anybody should wait who stops a build. */
  async #makeLarge(file: BatchFile): Promise<void> {
    const [inTar, there] = [Buffer.allocUnsafe(1 << 20), Buffer.allocUnsafe(1 << 20)];
    const read = (offset: number, limit: number): Buffer =>
      readAt(this.#file, offset, Math.min(limit, inTar.length), inTar);
    const comparing = isThere(file, read, there);
    try {
      for (;;) {
        const step = comparing.next();
        if (step.done !== true) await this.#breathe();
        else if (step.value) return;
        else break;
      }
    } finally {
      comparing.return(false);
    }
    await this.#makeEach([file]);
  }

  async #breathe(): Promise<void> {
    await setImmediate();
    this.#options.signal.throwIfAborted();
  }

  /** Files one by one: large ones, those that are there already, and those that could not be made, to learn why. */
  async #makeEach(files: readonly BatchFile[]): Promise<void> {
    for (const { path, mode, offset, size } of files) {
      const header = { name: nameOf(path), type: "file", mode, uid: 0, gid: 0, size } as const;
      await restoreEntry(this.#entry({ header, offset }), path, this.#extraction);
    }
  }

  /** Makes all that is left of this tar. */
  async #settle(): Promise<void> {
    if (this.#batch.length > 0) await this.#give();
    await this.#othersDone();
    this.#options.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Until the other thread has made what it was given, or nobody wants it: then whoever started the thread ends it. */
  async #othersDone(): Promise<void> {
    const { signal } = this.#options;
    if (this.#running.size === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done);
      void Promise.all(this.#running).then(done);
    });
  }

  #entry({ header, offset }: IndexedEntry): TarEntry {
    return { header, whole: () => undefined, content: () => this.#content(offset, header.size) };
  }

  async *#content(offset: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    const buffer = Buffer.allocUnsafe(Math.min(1 << 20, Math.max(1, size)));
    for (let at = 0; at < size; at += buffer.length) {
      yield readAt(this.#file, offset + at, Math.min(buffer.length, size - at), buffer);
      await this.#breathe();
    }
  }
}
