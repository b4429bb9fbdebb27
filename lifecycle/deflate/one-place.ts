// Levels 1 and 2: the last place with the same hash. Level 2 also looks whether the next byte begins a longer match.
import { PLACES, SEQUENCES, SEQUENCES_END } from "./memory";
import { addLiteral, addSequence, afterLiteral, GOOD, hasBytes, hashOf, isUseless, sharedLength, SHORTEST } from "./sequences";

/** Remembers all places between two addresses. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function rememberOne(from: usize, to: usize): void {
  for (let place = from; place < to; place++) store<u16>(slotOf(load<u32>(place)), u16(place));
}

/** Writes the sequences of the bytes up to `limit`, or a bit more, and returns the address after the last of them. */
export function findByOne(from: usize, limit: usize, end: usize, oldest: usize, isLazy: bool): usize {
  return isLazy ? find(from, limit, end, oldest, true) : find(from, limit, end, oldest, false);
}

// Once for each level: what a level does not do is left out.
// @ts-ignore: a decorator of AssemblyScript
@inline
function find(from: usize, limit: usize, end: usize, oldest: usize, isLazy: bool): usize {
  let sequence: usize = SEQUENCES;
  let literals = from;
  let next = from;
  while (next < limit && sequence < SEQUENCES_END) {
    let match = search(next, end, oldest);
    if (isLazy ? isUseless(match) : match < SHORTEST << 16) {
      addLiteral(next);
      next = afterLiteral(literals, next + 1, limit);
      continue;
    }
    let remembered = next + 1;
    while (isLazy && match >> 16 < GOOD && remembered < limit) {
      const longer = search(remembered, end, oldest);
      remembered++;
      if (longer >> 16 <= match >> 16) break;
      match = longer;
      addLiteral(next);
      next++;
    }
    addSequence(sequence, u32(next - literals), match);
    sequence += 8;
    next += match >> 16;
    literals = next;
    rememberOne(remembered, next);
  }
  found = next;
  return sequence;
}

/** The match at the last place with these bytes, or 0. Remembers the place. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function search(place: usize, end: usize, oldest: usize): u32 {
  const bytes = load<u32>(place);
  const slot = slotOf(bytes);
  const less = (u32(place) - u32(load<u16>(slot)) - 1) & 0xffff;
  store<u16>(slot, u16(place));
  if (!hasBytes(place, less, bytes, oldest)) return 0;
  return (sharedLength(place, place - less - 1, end) << 16) | less;
}

/** Where the bytes of the last `findByOne` end. */
export let found: usize = 0;

// @ts-ignore: a decorator of AssemblyScript
@inline
function slotOf(bytes: u32): usize {
  return PLACES + (hashOf(bytes) << 1);
}
