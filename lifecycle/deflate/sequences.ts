// What matches are found for: sequences of literals and a match, and how often each symbol occurs.
import { DISTANCE_COUNTS, HASH_BITS, LENGTH_SYMBOLS, LITERAL_COUNTS, WINDOW } from "./memory";
import { distanceSymbol } from "./symbols";

/** The shortest match that is found. */
export const SHORTEST: u32 = 4;
/** Farther away than this, a match of four bytes takes more bits than they. */
const FAR: u32 = 4096;
/** A match of this length is good enough: no better one is looked for. */
export const GOOD: u32 = 32;
/** After so many literals in a row some bytes are not looked up any more. */
const HOPELESS: usize = 512;

/** The number of a hash of four bytes. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function hashOf(bytes: u32): u32 {
  return (bytes * 0x9e3779b1) >> (32 - HASH_BITS);
}

/**
 * Whether the place so far back, less one, has these four bytes. 16 bits of a position are enough to compute it:
 * whatever stands there is compared, and what is too far away or before the dictionary is not looked at.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function hasBytes(place: usize, less: u32, bytes: u32, oldest: usize): bool {
  return less < WINDOW && load<u32>(place - less - 1) == bytes && place - less - 1 >= oldest;
}

/** How many bytes two places share, of which they are known to share the first four. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function sharedLength(place: usize, other: usize, end: usize): u32 {
  const longest = u32(min(end - place, 258));
  let length = SHORTEST;
  while (length < longest) {
    const difference = load<u64>(other + length) ^ load<u64>(place + length);
    if (difference != 0) {
      length += u32(ctz(difference) >> 3);
      break;
    }
    length += 8;
  }
  return min(length, longest);
}

/** Whether literals are better than the match, which is 0 where there is none. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function isUseless(match: u32): bool {
  return match < SHORTEST << 16 || (match < (SHORTEST + 1) << 16 && (match & 0xffff) >= FAR);
}

/** Counts the literal at a place. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function addLiteral(place: usize): void {
  increment(LITERAL_COUNTS, load<u8>(place));
}

/**
 * Goes on after a literal. What has not repeated for long will hardly do so: then bytes are passed over, more
 * and more. Returns the next place that is looked up.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function afterLiteral(literals: usize, next: usize, limit: usize): usize {
  return next - literals > HOPELESS ? passOver(next, (next - literals) >> 8, limit) : next;
}

function passOver(next: usize, size: usize, limit: usize): usize {
  const end = min(next + size, limit);
  for (; next < end; next++) addLiteral(next);
  return next;
}

/** Writes a sequence: so many literals, and a match, which is length << 16 | distance - 1. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function addSequence(sequence: usize, literals: u32, match: u32): void {
  store<u32>(sequence, literals);
  store<u32>(sequence + 4, match);
  increment(LITERAL_COUNTS, 257 + load<u8>(LENGTH_SYMBOLS + (match >> 16)));
  increment(DISTANCE_COUNTS, distanceSymbol(match & 0xffff));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function increment(counts: usize, symbol: u32): void {
  const counted = counts + (symbol << 2);
  store<u32>(counted, load<u32>(counted) + 1);
}
