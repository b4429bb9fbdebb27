import { TspackError } from "../../errors.ts";
import type { ByteStream } from "../layer.ts";
import { byteString, type ByteString } from "./byte-string.ts";
import { applyExtensions, decodeBlock, type Extensions, type RawHeader } from "./decode.ts";
import { BLOCK, paddingAfter, type TarHeader } from "./header.ts";
import { decodeRecords } from "./pax.ts";

/** One entry of a tar that is being read. */
export interface TarEntry {
  /** Names are raw bytes where they are not ASCII; `size` is 0 for everything but files. */
  readonly header: TarHeader & { readonly size: number };
  /** The content, once; what is not read before the next entry is asked for is skipped. */
  readonly content: () => ByteStream;
  /**
   * The content where all of it is in memory already, in place of `content`: most files are small,
   * and waiting for each costs as much as writing it. Valid until the next entry is asked for.
   */
  readonly whole: () => Uint8Array | undefined;
}

/** An extension entry longer than this is refused before it fills the memory. */
const extensionLimit = 1 << 20;

/**
 * The entries of a plain tar: USTAR, PAX and GNU. Our own reader, because names must come back
 * as the bytes they were: a decoder that makes text of them changes layers with names that are
 * not UTF-8. Reads the stream to its end. Throws `INVALID_TAR`.
 */
export async function* readTar(source: ByteStream): AsyncGenerator<TarEntry, void, undefined> {
  const input = new Input(source);
  try {
    let extensions: Extensions = {};
    for (;;) {
      const raw = await nextHeader(input);
      if (raw === undefined) break;
      const { kind } = raw;
      if (kind === "pax" || kind === "pax-global" || kind === "gnu-name" || kind === "gnu-linkname") {
        extensions = { ...extensions, ...(await readExtension(input, raw)) };
        continue;
      }
      const header = applyExtensions(raw, kind, extensions);
      extensions = {};
      if (header.size < 0) throw negativeSize();
      const body = new Body(input, header.size);
      yield { header, content: () => body.chunks(), whole: () => body.whole() };
      if (!body.skipNow()) await body.skip();
    }
    await input.drain();
  } finally {
    await input.close();
  }
}

/** Where an entry of a tar is in its file. */
export interface IndexedEntry {
  /** As `readTar` gives it. */
  readonly header: TarEntry["header"];
  /** Where the content begins, in bytes from the start of the tar. */
  readonly offset: number;
}

/**
 * The entries of a plain tar of `size` bytes that can be read anywhere, without their contents:
 * `read` gives exactly so many bytes of a place, valid until its next call. Throws `INVALID_TAR`.
 */
export function* indexTar(
  read: (offset: number, length: number) => Uint8Array,
  size: number,
): Generator<IndexedEntry, void, undefined> {
  let extensions: Extensions = {};
  for (let at = 0; at < size;) {
    const block = readWithin(read, at, BLOCK, size);
    if (isZero(block)) return;
    const raw = decodeBlock(block);
    const { kind } = raw;
    at += BLOCK;
    if (kind === "pax" || kind === "pax-global" || kind === "gnu-name" || kind === "gnu-linkname") {
      const length = extensionSize(raw);
      extensions = { ...extensions, ...decodeExtension(raw, readWithin(read, at, length, size)) };
      at += length;
      continue;
    }
    const header = applyExtensions(raw, kind, extensions);
    extensions = {};
    if (header.size < 0) throw negativeSize();
    const offset = at;
    at += header.size + paddingAfter(header.size);
    if (at > size) throw truncated();
    yield { header, offset };
  }
}

function readWithin(read: (offset: number, length: number) => Uint8Array, at: number, length: number, size: number) {
  if (at + length > size) throw truncated();
  return read(at, length);
}

async function nextHeader(input: Input): Promise<RawHeader | undefined> {
  const block = input.atOnce(BLOCK) ?? (await input.exactly(BLOCK, true));
  if (block === undefined || isZero(block)) return undefined;
  return decodeBlock(block);
}

async function readExtension(input: Input, raw: RawHeader): Promise<Extensions> {
  return decodeExtension(raw, (await input.exactly(extensionSize(raw))) ?? new Uint8Array());
}

/** Bytes of an extension entry behind its header block, padding included. Throws `INVALID_TAR`. */
function extensionSize({ size }: RawHeader): number {
  if (size < 0 || size > extensionLimit) {
    throw new TspackError("INVALID_TAR", "an extended header of the tar is longer than 1 MiB");
  }
  return size + paddingAfter(size);
}

function decodeExtension(raw: RawHeader, body: Uint8Array): Extensions {
  const data = body.subarray(0, raw.size);
  if (raw.kind === "pax") return { records: decodeRecords(data) };
  if (raw.kind === "gnu-name") return { name: upToNul(data) };
  if (raw.kind === "gnu-linkname") return { linkname: upToNul(data) };
  // Global records are comments of git archives in practice; the reference ignores them, too.
  return {};
}

function upToNul(data: Uint8Array): ByteString {
  const end = data.indexOf(0);
  return byteString(end === -1 ? data : data.subarray(0, end));
}

function isZero(block: Uint8Array): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** The content of one entry and the padding behind it. */
class Body {
  readonly #input: Input;
  #left: number;
  #padding: number;

  constructor(input: Input, size: number) {
    this.#input = input;
    this.#left = size;
    this.#padding = paddingAfter(size);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#left > 0) {
      const chunk = await this.#input.upTo(this.#left);
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  whole(): Uint8Array | undefined {
    const bytes = this.#input.atOnce(this.#left);
    if (bytes !== undefined) this.#left = 0;
    return bytes;
  }

  /** Skips what is left when it is in memory; false: it is not. */
  skipNow(): boolean {
    return this.#input.atOnce(this.#left + this.#padding) !== undefined;
  }

  async skip(): Promise<void> {
    let left = this.#left + this.#padding;
    this.#left = 0;
    this.#padding = 0;
    while (left > 0) left -= (await this.#input.upTo(left)).length;
  }
}

/** Cuts a stream of chunks of any size into what the reader asks for, without copying where it can. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At least one and at most `limit` bytes. */
  async upTo(limit: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0) {
      if (!(await this.#pull())) throw truncated();
    }
    const part = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  /** Exactly `size` bytes when they are here already. */
  atOnce(size: number): Uint8Array | undefined {
    if (this.#chunk.length < size) return undefined;
    const part = this.#chunk.subarray(0, size);
    this.#chunk = this.#chunk.subarray(size);
    return part;
  }

  /** Exactly `size` bytes; undefined at the end of the stream where that is allowed. */
  async exactly(size: number, endAllowed = false): Promise<Uint8Array | undefined> {
    if (this.#chunk.length < size) {
      const parts = [this.#chunk];
      let length = this.#chunk.length;
      while (length < size && (await this.#pull())) {
        parts.push(this.#chunk);
        length += this.#chunk.length;
      }
      this.#chunk = Buffer.concat(parts);
      if (length === 0 && endAllowed) return undefined;
      if (length < size) throw truncated();
    }
    const part = this.#chunk.subarray(0, size);
    this.#chunk = this.#chunk.subarray(size);
    return part;
  }

  /** Reads what follows the end of the archive, so that whoever checks a digest sees every byte. */
  async drain(): Promise<void> {
    while (await this.#pull());
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #pull(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    return true;
  }
}

function negativeSize(): TspackError {
  return new TspackError("INVALID_TAR", "an entry of the tar has a negative size");
}

function truncated(): TspackError {
  return new TspackError("INVALID_TAR", "the tar ends in the middle of an entry", { hint: "the file is damaged" });
}
