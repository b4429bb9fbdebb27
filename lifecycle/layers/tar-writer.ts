import { closeSync, constants, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errorCode, TspackError } from "../errors.ts";
import { nameOf, textOf, type ByteString } from "../oci/tar/byte-string.ts";
import { encodeHeader, paddingAfter, type TarHeader } from "../oci/tar/header.ts";
import { Releaser } from "../oci/release.ts";
import { END_OF_ARCHIVE } from "../oci/tar/pack.ts";
import type { ByteSink } from "../stores/blob-cache.ts";

/** Bytes between two breaths of the event loop, and between two looks at the signal. */
const stageSize = 1 << 20;

/**
 * Writes a tar into a sink. Files are read with synchronous calls straight into one buffer:
 * for many small files that is several times faster than promises or streams. The buffer is
 * handed on when it is full, so a file of any size takes the same memory.
 */
export class TarWriter {
  readonly #sink: ByteSink;
  readonly #signal: AbortSignal | undefined;
  readonly #stage = Buffer.allocUnsafe(stageSize);
  #used = 0;

  constructor(sink: ByteSink, signal: AbortSignal | undefined) {
    this.#sink = sink;
    this.#signal = signal;
  }

  /** An entry whose content, if it has one, is in memory. */
  async entry(header: TarHeader, content: Uint8Array = new Uint8Array()): Promise<void> {
    await this.#append(encodeHeader({ ...header, size: content.length }));
    await this.#append(content);
    await this.#pad(content.length);
  }

  /** An entry without content. Undefined: go on at once. */
  header(header: TarHeader): Promise<void> | undefined {
    return this.#append(encodeHeader(header));
  }

  /** A regular file. Undefined: go on at once, so that small files cost no promise. Throws `EXPORT_FAILED`. */
  file(header: TarHeader & { readonly size: number }, path: ByteString): Promise<void> | undefined {
    const head = encodeHeader(header);
    const padding = paddingAfter(header.size);
    // One byte more than the file has, so that the same read tells whether it grew.
    if (this.#used + head.length + header.size + padding >= stageSize) return this.#largeFile(head, header.size, path);
    this.#stage.set(head, this.#used);
    this.#used += head.length;
    if (header.size > 0) this.#readSmall(header.size, path);
    this.#stage.fill(0, this.#used, this.#used + padding);
    this.#used += padding;
    return undefined;
  }

  /** The content of an entry that comes from a stream; its header was written with `header`. */
  async stream(size: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of content) await this.#append(chunk);
    await this.#pad(size);
  }

  /** Writes the end of the archive; nothing can be written afterwards. */
  async end(): Promise<void> {
    await this.#append(END_OF_ARCHIVE);
    await this.#flush();
    new Releaser().release(this.#stage);
  }

  #readSmall(size: number, path: ByteString): void {
    const file = openFile(path);
    try {
      const count = read(file, this.#stage, this.#used, size + 1, path);
      if (count !== size) throw changed(path);
      this.#used += size;
    } finally {
      closeSync(file);
    }
  }

  async #largeFile(head: Uint8Array, size: number, path: ByteString): Promise<void> {
    await this.#append(head);
    const file = openFile(path);
    try {
      for (let left = size; left > 0;) {
        if (this.#used === stageSize) await this.#flush();
        const count = read(file, this.#stage, this.#used, Math.min(left, stageSize - this.#used), path);
        if (count === 0) throw changed(path);
        this.#used += count;
        left -= count;
      }
      if (read(file, Buffer.allocUnsafe(1), 0, 1, path) !== 0) throw changed(path);
    } finally {
      closeSync(file);
    }
    await this.#pad(size);
  }

  #pad(size: number): Promise<void> | undefined {
    return this.#append(END_OF_ARCHIVE.subarray(0, paddingAfter(size)));
  }

  #append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#used + bytes.length > stageSize) return this.#appendRest(bytes);
    this.#stage.set(bytes, this.#used);
    this.#used += bytes.length;
    return undefined;
  }

  async #appendRest(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      if (this.#used === stageSize) await this.#flush();
      const part = rest.subarray(0, stageSize - this.#used);
      this.#stage.set(part, this.#used);
      this.#used += part.length;
      rest = rest.subarray(part.length);
    }
  }

  async #flush(): Promise<void> {
    this.#signal?.throwIfAborted();
    await this.#sink.write(this.#stage.subarray(0, this.#used));
    this.#used = 0;
    await setImmediate();
  }
}

/** Never through a link, and never waiting for the writer of a FIFO that took the file's place. */
function openFile(path: ByteString): number {
  try {
    return openSync(nameOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function read(file: number, buffer: Buffer, at: number, length: number, path: ByteString): number {
  try {
    return readSync(file, buffer, at, length, null);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The error of a file or directory that cannot be packed. */
export function unreadable(path: ByteString, cause: unknown): TspackError {
  const code = errorCode(cause);
  const hint =
    code === "EACCES"
      ? "the user of the build must be able to read all files of the application and of its layers"
      : undefined;
  return new TspackError("EXPORT_FAILED", `cannot read ${textOf(path)}: ${code ?? String(cause)}`, { cause, hint });
}

function changed(path: ByteString): TspackError {
  return new TspackError("EXPORT_FAILED", `${textOf(path)} changed while it was read`, {
    hint: "something still writes to it; build again when that has ended",
  });
}
