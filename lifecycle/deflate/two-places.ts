// Level 3: the last two places with the same hash, and whether the next byte begins a longer match.
import { PLACES, SEQUENCES, SEQUENCES_END } from "./memory";
import {
  addLiteral,
  addSequence,
  afterLiteral,
  GOOD,
  hasBytes,
  hashOf,
  isUseless,
  sharedLength,
  SHORTEST,
} from "./sequences";

/** Remembers all places between two addresses: of each hash the last two, the last one lower. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function rememberTwo(from: usize, to: usize): void {
  for (let place = from; place < to; place++) {
    const slot = slotOf(load<u32>(place));
    store<u32>(slot, (load<u32>(slot) << 16) | u32(place & 0xffff));
  }
}

/** Writes the sequences of the bytes up to `limit`, or a bit more, and returns the address after the last of them. */
export function findByTwo(from: usize, limit: usize, end: usize, oldest: usize): usize {
  let sequence: usize = SEQUENCES;
  let literals = from;
  let next = from;
  while (next < limit && sequence < SEQUENCES_END) {
    let match = search(next, end, oldest);
    if (isUseless(match)) {
      addLiteral(next);
      next = afterLiteral(literals, next + 1, limit);
      continue;
    }
    let remembered = next + 1;
    while (match >> 16 < GOOD && remembered < limit) {
      const longer = searchLonger(remembered, end, oldest, match);
      remembered++;
      if (longer == match) break;
      match = longer;
      addLiteral(next);
      next++;
    }
    addSequence(sequence, u32(next - literals), match);
    sequence += 8;
    next += match >> 16;
    literals = next;
    rememberTwo(remembered, next);
  }
  found = next;
  return sequence;
}

/** Where the bytes of the last `findByTwo` end. */
export let found: usize = 0;

/** The longer match at the two places, or 0. Remembers the place. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function search(place: usize, end: usize, oldest: usize): u32 {
  const bytes = load<u32>(place);
  const slot = slotOf(bytes);
  const places = load<u32>(slot);
  store<u32>(slot, (places << 16) | u32(place & 0xffff));
  const less = (u32(place) - places - 1) & 0xffff;
  const lessOfOther = (u32(place) - (places >> 16) - 1) & 0xffff;
  if (!hasBytes(place, less, bytes, oldest)) {
    if (!hasBytes(place, lessOfOther, bytes, oldest)) return 0;
    return (sharedLength(place, place - lessOfOther - 1, end) << 16) | lessOfOther;
  }
  const match = (sharedLength(place, place - less - 1, end) << 16) | less;
  return match >> 16 >= GOOD ? match : longerAt(place, lessOfOther, bytes, end, oldest, match);
}

/** A longer match at one of the two places, or the one that is given. Remembers the place. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function searchLonger(place: usize, end: usize, oldest: usize, match: u32): u32 {
  const bytes = load<u32>(place);
  const slot = slotOf(bytes);
  const places = load<u32>(slot);
  store<u32>(slot, (places << 16) | u32(place & 0xffff));
  const longer = longerAt(place, (u32(place) - places - 1) & 0xffff, bytes, end, oldest, match);
  return longerAt(place, (u32(place) - (places >> 16) - 1) & 0xffff, bytes, end, oldest, longer);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function longerAt(place: usize, less: u32, bytes: u32, end: usize, oldest: usize, match: u32): u32 {
  const length = match >> 16;
  const other = place - less - 1;
  // The end of a longer match first: it tells most of those apart that are not. A match has four bytes at least,
  // but for the last of a block, where there is nothing longer.
  if (length < SHORTEST || load<u32>(other + length - 3) != load<u32>(place + length - 3)) return match;
  if (!hasBytes(place, less, bytes, oldest)) return match;
  const found = sharedLength(place, other, end);
  return found > length ? (found << 16) | less : match;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function slotOf(bytes: u32): usize {
  return PLACES + (hashOf(bytes) << 2);
}
