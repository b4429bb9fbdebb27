import { constants, createDeflateRaw, type ZlibOptions } from "node:zlib";
import type { BlockPlace } from "./deflate-block.ts";

/** Longer Huffman blocks than zlib's own choice: 5 % less time, and smaller. Part of the format as well. */
const memLevel = 9;

/** What zlib makes of a block, in pieces of memory of their own; what does not get smaller is stored. */
export async function deflateWithZlib(
  memory: Uint8Array,
  place: BlockPlace,
  level: number,
): Promise<readonly Uint8Array[]> {
  const dictionary = memory.subarray(0, place.dictionary);
  const block = memory.subarray(place.dictionary, place.dictionary + place.size);
  if (level === 0 || (await isIncompressible(block))) return [storedBlocks(block)];
  // One piece of output for nearly every block: each further one waits for this thread once more.
  const options = { level, memLevel, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 512 * 1024 };
  return deflate(block, dictionary.length === 0 ? options : { ...options, dictionary });
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
