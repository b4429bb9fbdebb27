import { closeSync, openSync, readSync } from "node:fs";
import type { GrowingBlob, PackWatch } from "../blob-cache.ts";

/** Read at a time, when so much is there: enough that a connection does not wait for who packs. */
const pieceSize = 512 * 1024;

/** A file that somebody writes, for one who reads behind: nothing of it is in memory between them. */
class GrowingFile implements GrowingBlob {
  // Stays the same file when that is renamed.
  readonly #file: number;
  #size: number;
  #end: { readonly failure: unknown } | undefined;
  #isClosed = false;
  #readers = 0;
  #wake = new Set<() => void>();

  constructor(path: string, size: number) {
    this.#file = openSync(path, "r");
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  get isWhole(): boolean {
    return this.#end !== undefined && this.#end.failure === undefined;
  }

  grewTo(size: number): void {
    this.#size = size;
    this.#wakeAll();
  }

  end(failure: unknown): void {
    this.#end = { failure };
    this.#wakeAll();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wakeAll();
    if (this.#readers === 0) closeSync(this.#file);
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#isClosed) throw new Error("a blob was read after it was closed");
    this.#readers += 1;
    try {
      yield* this.#pieces();
    } finally {
      this.#readers -= 1;
      if (this.#isClosed && this.#readers === 0) closeSync(this.#file);
    }
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let position = 0; ;) {
      while (position >= this.#size && this.#end === undefined && !this.#isClosed) await this.#change();
      if (this.#isClosed) throw new Error("a blob was closed while it was read");
      if (this.#end?.failure !== undefined) throw this.#end.failure;
      if (position >= this.#size) return;
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, this.#size - position));
      // It was written a moment ago, so it is in the system's memory: a thread would be waited for longer than that.
      const read = readSync(this.#file, piece, 0, piece.length, position);
      if (read === 0) throw new Error("a blob was cut short while it was packed");
      position += read;
      yield piece.subarray(0, read);
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.add(resolve));
  }

  #wakeAll(): void {
    const waiting = [...this.#wake];
    this.#wake.clear();
    for (const wake of waiting) wake();
  }
}

/** What whoever writes the file tells. */
export interface WatchedFile {
  /** So many bytes more are in the file. */
  wrote(bytes: number): void;
  /** Nothing more comes; `failure`: and the file is no blob. */
  end(failure?: unknown): void;
}

/** Shows a file to `watch` once it is large enough. */
export function watchedFile(path: string, watch: PackWatch | undefined): WatchedFile {
  let size = 0;
  let shown: GrowingFile | undefined;
  return {
    wrote: (bytes) => {
      size += bytes;
      if (shown !== undefined) return shown.grewTo(size);
      if (watch === undefined || size < watch.from) return undefined;
      shown = new GrowingFile(path, size);
      return watch.grows(shown);
    },
    end: (failure) => shown?.end(failure),
  };
}
