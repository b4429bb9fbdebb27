import { deflateModule } from "../deflate/deflate.wasm";

/** What `lifecycle/deflate/deflate.ts` exports. */
interface Exports {
  readonly input: { readonly value: number };
  readonly output: { readonly value: number };
  deflate(size: number, dictionary: number, level: number): number;
}

/** Pages of 64 KiB that the module has: `distribution/deflate-module.mjs`. */
const pages = 42;

/** Whether a level is ours; the others are zlib's. */
export function isFastLevel(level: number): boolean {
  return level >= 1 && level <= 3;
}

/** A block in its memory, which has its dictionary before it. */
export interface BlockPlace {
  /** Bytes of the dictionary, from the memory's start. */
  readonly dictionary: number;
  /** Bytes of the block, a mebibyte at the most; right after the dictionary. */
  readonly size: number;
}

/** Compiles the module, which every instance shares. */
export function compileDeflate(): WebAssembly.Module {
  return new WebAssembly.Module(Buffer.from(deflateModule, "base64"));
}

/** Compresses blocks, one at a time, in 2.75 MB of its own. */
export class BlockDeflater {
  readonly #exports: Exports;
  readonly #memory: Uint8Array;

  constructor(module: WebAssembly.Module) {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.#exports = instance.exports as unknown as Exports;
    this.#memory = new Uint8Array(memory.buffer);
  }

  /**
   * Puts raw deflate data of a block, which end on a byte, to the memory's start, where the dictionary was, and
   * returns their size: 85 bytes more than the block's at the most. RFC 1951.
   */
  deflate(memory: Uint8Array, { dictionary, size }: BlockPlace, level: number): number {
    const { input, output } = this.#exports;
    this.#memory.set(memory.subarray(0, dictionary + size), input.value - dictionary);
    const length = this.#exports.deflate(size, dictionary, level);
    memory.set(this.#memory.subarray(output.value, output.value + length));
    return length;
  }
}
