import { BlockDeflater, compileDeflate, isFastLevel, type BlockPlace } from "./deflate-block.ts";
import { deflateWithZlib } from "./deflate-zlib.ts";
import { slots, type Slots } from "./slots.ts";

/**
 * Bytes of input that are compressed at a time. Part of the format: with another size the same
 * layer has another digest.
 */
export const GZIP_BLOCK = 1 << 20;

/** The most bytes before a block that it can repeat. RFC 1951, 2. */
export const DICTIONARY = 32 * 1024;

/** Who compresses blocks, and has the memory for them. */
export interface Deflater {
  /** Memory for a dictionary and a block, with anything in it; nobody else has it until it is given back. */
  take(): Uint8Array;
  /**
   * Raw deflate data of a block, in pieces, which end on a byte. They may lie in the block's memory, and are
   * what they are until that is given back.
   */
  deflate(memory: Uint8Array, place: BlockPlace, level: number): Promise<readonly Uint8Array[]>;
  /** Gives memory back. What `deflate` made of it is gone. */
  give(memory: Uint8Array): void;
}

/** Blocks that zlib has at a time: libuv has four threads. */
const inFlight = 4;

/** Compresses at the fast levels in this thread, and with zlib in libuv's. */
export class OwnDeflater implements Deflater {
  readonly #inSlot: Slots;
  readonly #free: Uint8Array[] = [];
  #fast: BlockDeflater | undefined;

  /** `inSlot` bounds what zlib does at a time. */
  constructor(inSlot: Slots = slots(inFlight)) {
    this.#inSlot = inSlot;
  }

  take(): Uint8Array {
    // Threads can have it, too. New memory takes none before it is written to.
    return this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(DICTIONARY + GZIP_BLOCK));
  }

  give(memory: Uint8Array): void {
    this.#free.push(memory);
  }

  async deflate(memory: Uint8Array, place: BlockPlace, level: number): Promise<readonly Uint8Array[]> {
    if (!isFastLevel(level)) return this.#inSlot(() => deflateWithZlib(memory, place, level));
    this.#fast ??= new BlockDeflater(compileDeflate());
    const size = this.#fast.deflate(memory, place, level);
    return [memory.subarray(0, size)];
  }
}
