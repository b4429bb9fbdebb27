import { crc32 } from "node:zlib";
import { type Deflater, DICTIONARY, GZIP_BLOCK, OwnDeflater } from "./deflater.ts";

/** The compression level of layers; part of the format, too. This folder's README has what each costs. */
export const DEFAULT_GZIP_LEVEL = 2;

/** Whether a number, or its absence, is a compression level. */
export function isGzipLevel(level: number | undefined): boolean {
  return level === undefined || (Number.isInteger(level) && level >= 0 && level <= 9);
}

/** Blocks of one writer that are on their way at the same time. */
const inFlight = 4;

/** Where the compressed bytes go, in order; the next piece comes when the promise is settled. */
export type GzipOutput = (bytes: Uint8Array) => Promise<void> | void;

/** Options of `GzipWriter`. */
export interface GzipOptions {
  /** 0 to 9. The same level gives the same bytes. */
  readonly level?: number | undefined;
  /** Sees every input block in order before it is compressed, so that a hash costs few calls. */
  readonly onBlock?: ((block: Uint8Array) => void) | undefined;
  /** Compresses for all who share it; one of the writer's own when absent. */
  readonly deflater?: Deflater | undefined;
}

/**
 * One gzip member, compressed in parallel: blocks of 1 MiB end on a byte boundary and know the
 * 32 KiB before them. The output depends on the input's bytes and the level only, never on how
 * the input was cut. Memory stays at a few blocks. RFC 1951, RFC 1952.
 */
export class GzipWriter {
  readonly #output: GzipOutput;
  readonly #level: number;
  readonly #onBlock: ((block: Uint8Array) => void) | undefined;
  readonly #deflater: Deflater;
  /** A dictionary, which is the end of the block before, and the block that is being filled. */
  #memory: Uint8Array;
  /** Bytes of both; the first block has no dictionary. */
  #dictionary = 0;
  #filled = 0;
  #crc = 0;
  #size = 0n;
  /** The ends of the blocks that are under way, oldest first. */
  readonly #pending: Promise<void>[] = [];
  #tail: Promise<void> = Promise.resolve();
  #started = false;

  constructor(output: GzipOutput, options: GzipOptions = {}) {
    this.#output = output;
    this.#level = options.level ?? DEFAULT_GZIP_LEVEL;
    this.#onBlock = options.onBlock;
    this.#deflater = options.deflater ?? new OwnDeflater();
    this.#memory = this.#deflater.take();
  }

  /** Takes a copy of the bytes. A promise: wait for it before the next call; undefined: go on. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const taken = this.#fill(bytes);
    if (this.#filled < GZIP_BLOCK) return undefined;
    return this.#writeRest(bytes.subarray(taken));
  }

  /** Ends the member: everything is handed to the output when the promise is settled. */
  async finish(): Promise<void> {
    if (this.#filled > 0) await this.#compress();
    await Promise.all(this.#pending);
    await this.#start();
    await this.#output(trailer(this.#crc, this.#size));
    this.#deflater.give(this.#memory);
  }

  async #writeRest(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    for (;;) {
      if (this.#filled === GZIP_BLOCK) await this.#compress();
      if (rest.length === 0) return;
      rest = rest.subarray(this.#fill(rest));
    }
  }

  #fill(bytes: Uint8Array): number {
    const part = bytes.subarray(0, GZIP_BLOCK - this.#filled);
    this.#memory.set(part, this.#dictionary + this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  async #compress(): Promise<void> {
    const memory = this.#memory;
    const place = { dictionary: this.#dictionary, size: this.#filled };
    const block = memory.subarray(place.dictionary, place.dictionary + place.size);
    this.#onBlock?.(block);
    this.#crc = crc32(block, this.#crc);
    this.#size += BigInt(block.length);
    if (this.#pending.length >= inFlight) await this.#pending.shift();
    // Before it is compressed, which takes its memory for the result.
    this.#next(block);
    const deflated = this.#deflater.deflate(memory, place, this.#level);
    // The failure is reported by the tail, which is waited for; this keeps it from being unhandled until then.
    deflated.catch(() => {});
    this.#tail = this.#tail.then(async () => {
      await this.#start();
      for (const part of await deflated) await this.#output(part);
      this.#deflater.give(memory);
    });
    this.#tail.catch(() => {});
    this.#pending.push(this.#tail);
  }

  /** Begins a block whose dictionary is the end of this one. Only the last block is shorter, and it has no successor. */
  #next(block: Uint8Array): void {
    this.#memory = this.#deflater.take();
    if (block.length === GZIP_BLOCK) this.#memory.set(block.subarray(GZIP_BLOCK - DICTIONARY));
    this.#dictionary = DICTIONARY;
    this.#filled = 0;
  }

  async #start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.#output(memberHeader());
  }
}

/** No name, no time, unknown operating system: nothing of the machine gets into the bytes. */
function memberHeader(): Uint8Array {
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
}

/** An empty last block, then the checks of RFC 1952. */
function trailer(crc: number, size: bigint): Uint8Array {
  const bytes = Buffer.alloc(10);
  bytes.writeUInt16BE(0x0300, 0);
  bytes.writeUInt32LE(crc, 2);
  bytes.writeUInt32LE(Number(size & 0xffff_ffffn), 6);
  return bytes;
}
