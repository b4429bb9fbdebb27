// The module: a block of at most 1 MiB, with the 32 KiB before it, becomes deflate data that end on a byte.
import { at, begin, putStored } from "./bits";
import { putBlock } from "./block";
import {
  BLOCK,
  CANDIDATES,
  COUNTS_SIZE,
  DISTANCE_COUNTS,
  HASH_BITS,
  LENGTH_SYMBOLS,
  LITERAL_COUNTS,
  OUTPUT,
  SEQUENCES,
  SEQUENCES_END,
  WINDOW,
} from "./memory";
import { distanceSymbol, makeSymbols } from "./symbols";

/** Where the caller puts the block; the dictionary ends there. */
export const input: usize = BLOCK;
/** Where the caller finds what became of it. */
export const output: usize = OUTPUT;

/** Bytes of input with the same codes: fewer fit better, and need more headers. */
const HUFFMAN_BLOCK: usize = 128 * 1024;
/** The shortest match that is found. */
const SHORTEST: u32 = 4;
/** Farther away than this, a match of four bytes takes more bits than they. */
const FAR: u32 = 4096;
/** A match of this length is good enough: no better one is looked for. */
const GOOD: u32 = 32;
/** A match as length << 16 | distance - 1: of none. */
const NONE: u32 = (SHORTEST - 1) << 16;
/** After so many literals in a row some bytes are not looked up any more. */
const HOPELESS: usize = 512;

makeSymbols();

/**
 * Compresses `size` bytes at `input`, with `dictionary` bytes before them, and returns the size of the result.
 * Level 1 looks at one place where the next four bytes were, 2 at two, 3 also looks whether the next byte begins
 * a longer match.
 */
export function deflate(size: u32, dictionary: u32, level: u32): usize {
  begin(OUTPUT);
  memory.fill(CANDIDATES, 0, 4 << HASH_BITS);
  const oldest = BLOCK - dictionary;
  const end = BLOCK + size;
  insert(oldest, BLOCK);
  let next: usize = BLOCK;
  while (next < end) {
    // What would be left over and small belongs to it.
    const limit = end - next < HUFFMAN_BLOCK + HUFFMAN_BLOCK / 4 ? end : next + HUFFMAN_BLOCK;
    next = findSequences(next, limit, end, oldest, level);
  }
  putStored(end, 0);
  return at - OUTPUT;
}

/** Makes a block of the bytes from `from` to about `limit`. Returns where it ends. */
function findSequences(from: usize, limit: usize, end: usize, oldest: usize, level: u32): usize {
  memory.fill(LITERAL_COUNTS, 0, COUNTS_SIZE);
  let sequence: usize = SEQUENCES;
  let literal = from;
  let next = from;
  while (next < limit && sequence < SEQUENCES_END) {
    let match = search(next, oldest, end, level, NONE);
    if (match >> 16 <= SHORTEST && (match == NONE || (match & 0xffff) > FAR)) {
      increment(LITERAL_COUNTS, load<u8>(next));
      next++;
      if (next - literal > HOPELESS) next = skip(next, (next - literal) >> 8, limit);
      continue;
    }
    let inserted = next + 1;
    while (level > 2 && match >> 16 < GOOD && inserted < limit) {
      const better = search(inserted, oldest, end, level, match);
      inserted++;
      if (better == match) break;
      match = better;
      increment(LITERAL_COUNTS, load<u8>(next));
      next++;
    }
    const length = match >> 16;
    store<u32>(sequence, u32(next - literal));
    store<u32>(sequence + 4, match);
    sequence += 8;
    increment(LITERAL_COUNTS, 257 + load<u8>(LENGTH_SYMBOLS + length));
    increment(DISTANCE_COUNTS, distanceSymbol(match & 0xffff));
    next += length;
    literal = next;
    insert(inserted, next);
  }
  putBlock(from, next, sequence);
  return next;
}

/** A longer match for the bytes at `place` than `match`, or that; remembers the place. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function search(place: usize, oldest: usize, end: usize, level: u32, match: u32): u32 {
  const bytes = load<u32>(place);
  const slot = slotOf(bytes);
  const candidates = load<u32>(slot);
  store<u32>(slot, (candidates << 16) | u32(place & 0xffff));
  const longest = u32(min(end - place, 258));
  match = tryCandidate(place, bytes, u32(place) - candidates, oldest, longest, match);
  if (level < 2 || match >> 16 >= GOOD) return match;
  return tryCandidate(place, bytes, u32(place) - (candidates >> 16), oldest, longest, match);
}

/** `distance` counts in its lowest 16 bits. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function tryCandidate(place: usize, bytes: u32, distance: u32, oldest: usize, longest: u32, match: u32): u32 {
  // 16 bits of a position are enough: whatever stands there is compared. 0 is as far away as can be.
  const less = (distance - 1) & 0xffff;
  const other = place - less - 1;
  if (less >= WINDOW || other < oldest || load<u32>(other) != bytes) return match;
  // The end of a longer match: it tells most of those apart that are not.
  const best = match >> 16;
  if (load<u32>(other + best - 3) != load<u32>(place + best - 3)) return match;
  let length = SHORTEST;
  while (length < longest) {
    const difference = load<u64>(other + length) ^ load<u64>(place + length);
    if (difference != 0) {
      length += u32(ctz(difference) >> 3);
      break;
    }
    length += 8;
  }
  length = min(length, longest);
  return length > best ? (length << 16) | less : match;
}

/** Remembers all places between two addresses. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function insert(from: usize, to: usize): void {
  for (let place = from; place < to; place++) {
    const slot = slotOf(load<u32>(place));
    store<u32>(slot, (load<u32>(slot) << 16) | u32(place & 0xffff));
  }
}

/** Some literals that are not looked up: what has not repeated for so long will hardly do so. */
function skip(next: usize, size: usize, limit: usize): usize {
  const end = min(next + size, limit);
  for (; next < end; next++) increment(LITERAL_COUNTS, load<u8>(next));
  return next;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function slotOf(bytes: u32): usize {
  return CANDIDATES + (((bytes * 0x9e3779b1) >> (32 - HASH_BITS)) << 2);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function increment(counts: usize, symbol: u32): void {
  const counted = counts + (symbol << 2);
  store<u32>(counted, load<u32>(counted) + 1);
}
