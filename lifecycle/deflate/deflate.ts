// The module: a block of at most 1 MiB, with the 32 KiB before it, becomes deflate data that end on a byte.
import { at, begin, putStored } from "./bits";
import { putBlock } from "./block";
import { BLOCK, COUNTS_SIZE, HASH_BITS, LITERAL_COUNTS, OUTPUT, PLACES } from "./memory";
import { findByOne, found as foundByOne, rememberOne } from "./one-place";
import { makeSymbols } from "./symbols";
import { findByTwo, found as foundByTwo, rememberTwo } from "./two-places";

/** Where the caller puts the block; the dictionary ends there. */
export const input: usize = BLOCK;
/** Where the caller finds what became of it. */
export const output: usize = OUTPUT;

/** Bytes of input with the same codes: fewer fit better, and need more headers. */
const HUFFMAN_BLOCK: usize = 128 * 1024;

makeSymbols();

/** Compresses `size` bytes at `input`, with `dictionary` bytes before them, at level 1 to 3. Returns the result's size. */
export function deflate(size: u32, dictionary: u32, level: u32): usize {
  begin(OUTPUT);
  memory.fill(PLACES, 0, 4 << HASH_BITS);
  const oldest = BLOCK - dictionary;
  const end = BLOCK + size;
  if (level < 3) rememberOne(oldest, BLOCK);
  else rememberTwo(oldest, BLOCK);
  for (let next: usize = BLOCK; next < end;) {
    // What would be left over and small belongs to it.
    const limit = end - next < HUFFMAN_BLOCK + HUFFMAN_BLOCK / 4 ? end : next + HUFFMAN_BLOCK;
    memory.fill(LITERAL_COUNTS, 0, COUNTS_SIZE);
    const from = next;
    if (level < 3) {
      const last = findByOne(from, limit, end, oldest, level > 1);
      next = foundByOne;
      putBlock(from, next, last);
    } else {
      const last = findByTwo(from, limit, end, oldest);
      next = foundByTwo;
      putBlock(from, next, last);
    }
  }
  putStored(end, 0);
  return at - OUTPUT;
}
