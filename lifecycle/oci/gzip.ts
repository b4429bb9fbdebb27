import { constants, crc32, createDeflateRaw, type ZlibOptions } from "node:zlib";
import { Releaser } from "./release.ts";
import { slots, type Slots } from "./slots.ts";

/**
 * Bytes of input that are compressed at a time. Part of the format: with another size the same
 * layer has another digest.
 */
export const GZIP_BLOCK = 1 << 20;

/** The compression level of layers; part of the format, too. This folder's README has what each costs. */
export const DEFAULT_GZIP_LEVEL = 3;

/** Whether a number, or its absence, is a compression level. */
export function isGzipLevel(level: number | undefined): boolean {
  return level === undefined || (Number.isInteger(level) && level >= 0 && level <= 9);
}

/** Longer Huffman blocks than zlib's own choice: 5 % less time, and smaller. Part of the format as well. */
const memLevel = 9;

const dictionarySize = 32 * 1024;

/** Blocks of one writer that are on their way at the same time: libuv has four threads. */
const inFlight = 4;

/** Where the compressed bytes go, in order; the next piece comes when the promise is settled. */
export type GzipOutput = (bytes: Uint8Array) => Promise<void> | void;

/** Options of `GzipWriter`. */
export interface GzipOptions {
  /** 0 to 9. The same level gives the same bytes. */
  readonly level?: number | undefined;
  /** Sees every input block in order before it is compressed, so that a hash costs few calls. */
  readonly onBlock?: ((block: Uint8Array) => void) | undefined;
  /** How many blocks are compressed at a time by all who share these; four when absent. */
  readonly inSlot?: Slots | undefined;
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
  readonly #inSlot: Slots;
  readonly #releaser = new Releaser();
  /** A block, after room for the end of its predecessor, which is its dictionary. */
  #memory: Buffer = newMemory();
  #filled = 0;
  #isFirst = true;
  #crc = 0;
  #size = 0n;
  /** The ends of the blocks that are under way, oldest first. */
  readonly #pending: Promise<void>[] = [];
  /** Memory of blocks that can be used again. */
  readonly #free: Buffer[] = [];
  #tail: Promise<void> = Promise.resolve();
  #started = false;

  constructor(output: GzipOutput, options: GzipOptions = {}) {
    this.#output = output;
    this.#level = options.level ?? DEFAULT_GZIP_LEVEL;
    this.#onBlock = options.onBlock;
    this.#inSlot = options.inSlot ?? slots(inFlight);
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
    // A build of many layers would have the blocks of several of them in memory until the next garbage collection.
    for (const memory of [this.#memory, ...this.#free.splice(0)]) this.#releaser.release(memory);
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
    this.#memory.set(part, dictionarySize + this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  async #compress(): Promise<void> {
    const whole = this.#memory;
    const block = whole.subarray(dictionarySize, dictionarySize + this.#filled);
    const dictionary = this.#isFirst ? undefined : whole.subarray(0, dictionarySize);
    this.#isFirst = false;
    this.#onBlock?.(block);
    this.#crc = crc32(block, this.#crc);
    this.#size += BigInt(block.length);
    const deflated = this.#inSlot(() => deflateBlock(block, dictionary, this.#level));
    // The failure is reported by the tail, which is waited for; this keeps it from being unhandled until then.
    deflated.catch(() => {});
    this.#tail = this.#tail.then(async () => {
      await this.#start();
      const parts = await deflated;
      for (const part of parts) await this.#output(part);
      for (const part of parts) this.#releaser.release(part);
      this.#free.push(whole);
    });
    this.#tail.catch(() => {});
    this.#pending.push(this.#tail);
    if (this.#pending.length >= inFlight) await this.#pending.shift();
    this.#memory = this.#free.pop() ?? newMemory();
    // Only the last block is shorter, and it has no successor.
    whole.copy(this.#memory, 0, GZIP_BLOCK);
    this.#filled = 0;
  }

  async #start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.#output(memberHeader());
  }
}

function newMemory(): Buffer {
  return Buffer.allocUnsafe(dictionarySize + GZIP_BLOCK);
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

async function deflateBlock(
  block: Uint8Array,
  dictionary: Uint8Array | undefined,
  level: number,
): Promise<readonly Uint8Array[]> {
  if (level === 0 || (await isIncompressible(block))) return [storedBlocks(block)];
  // One piece of output for nearly every block: each further one waits for this thread once more.
  const options = { level, memLevel, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: GZIP_BLOCK / 2 };
  return deflate(block, dictionary === undefined ? options : { ...options, dictionary });
}

/** In pieces of the chunk's size, each of memory that nobody else has: Node's own function copies them into one. */
function deflate(input: Uint8Array, options: ZlibOptions): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    const stream = createDeflateRaw(options);
    stream.on("data", (piece: Uint8Array) => void pieces.push(piece));
    stream.once("end", () => resolve(pieces));
    stream.once("error", reject);
    stream.end(input);
  });
}

/**
 * Archives, pictures and compiled packages do not get smaller, and finding that out at full
 * level is the slowest thing a build does. Four samples tell it first: mostly how often each
 * byte is in them is enough, else they are compressed at the fastest level.
 */
async function isIncompressible(block: Uint8Array): Promise<boolean> {
  if (block.length < 256 * 1024) return false;
  const sample = Buffer.allocUnsafe(4 * sampleSize);
  for (let index = 0; index < 4; index++) {
    const at = Math.floor((index * (block.length - sampleSize)) / 3);
    sample.set(block.subarray(at, at + sampleSize), index * sampleSize);
  }
  if (bitsPerByte(sample) < 7.5) return false;
  const options = { level: 1, memLevel, finishFlush: constants.Z_FINISH, chunkSize: 64 * 1024 };
  const pieces = await deflate(sample, options);
  return pieces.reduce((size, { length }) => size + length, 0) > sample.length * 0.985;
}

const sampleSize = 8 * 1024;

/** What an ideal code for single bytes would need: deflate needs hardly more, and less where something repeats. */
function bitsPerByte(bytes: Uint8Array): number {
  const counts = new Uint32Array(256);
  // By index: this runs over a part of every block, and iterators are several times slower.
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits += count * Math.log2(bytes.length / count);
  return bits / bytes.length;
}

/** The block as it is, in pieces of at most 65,535 bytes. RFC 1951, 3.2.4. */
function storedBlocks(block: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < block.length; at += 0xffff) {
    const piece = block.subarray(at, at + 0xffff);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(piece.length, 1);
    head.writeUInt16LE(~piece.length & 0xffff, 3);
    parts.push(head, piece);
  }
  // One piece: the block's memory is used again as soon as the output has taken it.
  return Buffer.concat(parts);
}
