// Code lengths from frequencies, and codes from lengths.
import { LENGTH_COUNTS, NEXT_CODES, SORTED, TREE } from "./memory";

/** Room for the symbol beside its frequency. */
const SYMBOL_BITS: u32 = 9;
const SYMBOL_MASK: u32 = (1 << SYMBOL_BITS) - 1;

// @ts-ignore: a decorator of AssemblyScript
@inline
function word(array: usize, index: u32): u32 {
  return load<u32>(array + (index << 2));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function setWord(array: usize, index: u32, value: u32): void {
  store<u32>(array + (index << 2), value);
}

/**
 * Writes the lengths (u8[]) of a complete code for `size` symbols, none longer than `longest`, as good as any
 * but for that limit. A symbol that does not occur has none; when fewer than two occur, two get one bit.
 */
export function codeLengths(counts: usize, size: u32, longest: u32, lengths: usize): void {
  memory.fill(lengths, 0, size);
  const used = sortSymbols(counts, size);
  if (used < 2) {
    const only = used == 1 ? word(SORTED, 0) & SYMBOL_MASK : 0;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only == 0 ? 1 : 0), 1);
    return;
  }
  joinTrees(used);
  countLengths(used, longest);
  let next: u32 = 0;
  for (let length = longest; length > 0; length--) {
    for (let left = word(LENGTH_COUNTS, length); left > 0; left--) {
      store<u8>(lengths + (word(SORTED, next) & SYMBOL_MASK), u8(length));
      next++;
    }
  }
}

/** The symbols that occur, rarest first, then by their number. Returns how many. */
function sortSymbols(counts: usize, size: u32): u32 {
  let used: u32 = 0;
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const count = word(counts, symbol);
    if (count == 0) continue;
    setWord(SORTED, used, (count << SYMBOL_BITS) | symbol);
    used++;
  }
  // Shell's sort: the gaps fit 288 symbols.
  for (let gap: u32 = 121; gap > 0; gap /= 3) {
    for (let index = gap; index < used; index++) {
      const value = word(SORTED, index);
      let to = index;
      while (to >= gap && word(SORTED, to - gap) > value) {
        setWord(SORTED, to, word(SORTED, to - gap));
        to -= gap;
      }
      setWord(SORTED, to, value);
    }
  }
  return used;
}

/**
 * Huffman's tree over the sorted frequencies, with the inner nodes in the order in which they are made, so that
 * the lightest are found at two places only (Moffat and Katajainen, 1995). Leaves the depth of inner node n in TREE[n].
 */
function joinTrees(used: u32): void {
  for (let index: u32 = 0; index < used; index++) setWord(TREE, index, word(SORTED, index) >> SYMBOL_BITS);
  let leaf: u32 = 0;
  let inner: u32 = 0;
  for (let next: u32 = 0; next < used - 1; next++) {
    let weight: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= used || (inner < next && word(TREE, inner) < word(TREE, leaf))) {
        weight += word(TREE, inner);
        setWord(TREE, inner, next);
        inner++;
      } else {
        weight += word(TREE, leaf);
        leaf++;
      }
    }
    setWord(TREE, next, weight);
  }
  setWord(TREE, used - 2, 0);
  for (let node = i32(used) - 3; node >= 0; node--) setWord(TREE, node, word(TREE, word(TREE, node)) + 1);
}

/** From the depths of inner nodes to how many codes have each length, within the limit. */
function countLengths(used: u32, longest: u32): void {
  memory.fill(LENGTH_COUNTS, 0, 16 * 4);
  // In units of the longest code: a complete code has as many as fit in.
  const whole: u32 = 1 << longest;
  let taken: u32 = 0;
  let node = i32(used) - 2;
  let open: u32 = 1;
  for (let depth: u32 = 0; open > 0; depth++) {
    let inner: u32 = 0;
    while (node >= 0 && word(TREE, node) == depth) {
      inner++;
      node--;
    }
    const length = min(depth, longest);
    setWord(LENGTH_COUNTS, length, word(LENGTH_COUNTS, length) + open - inner);
    taken += (open - inner) << (longest - length);
    open = inner << 1;
  }
  while (taken > whole) taken -= lengthen(longest);
  while (taken < whole) taken += shorten(longest, whole - taken);
}

/** Makes one of the longest codes that can be longer so. Returns what that frees. */
function lengthen(longest: u32): u32 {
  let length = longest - 1;
  while (word(LENGTH_COUNTS, length) == 0) length--;
  move(length, length + 1);
  return 1 << (longest - length - 1);
}

/** Makes one code shorter that takes no more than is left so. Returns what it takes. */
function shorten(longest: u32, left: u32): u32 {
  let length: u32 = 2;
  while (word(LENGTH_COUNTS, length) == 0 || u32(1 << (longest - length)) > left) length++;
  move(length, length - 1);
  return 1 << (longest - length);
}

function move(from: u32, to: u32): void {
  setWord(LENGTH_COUNTS, from, word(LENGTH_COUNTS, from) - 1);
  setWord(LENGTH_COUNTS, to, word(LENGTH_COUNTS, to) + 1);
}

/** The codes that belong to lengths: u32[], each with its first bit lowest. RFC 1951, 3.2.2. */
export function codesOf(lengths: usize, size: u32, codes: usize): void {
  memory.fill(LENGTH_COUNTS, 0, 16 * 4);
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const length = load<u8>(lengths + symbol);
    setWord(LENGTH_COUNTS, length, word(LENGTH_COUNTS, length) + 1);
  }
  setWord(LENGTH_COUNTS, 0, 0);
  let code: u32 = 0;
  for (let length: u32 = 1; length < 16; length++) {
    code = (code + word(LENGTH_COUNTS, length - 1)) << 1;
    setWord(NEXT_CODES, length, code);
  }
  for (let symbol: u32 = 0; symbol < size; symbol++) {
    const length: u32 = load<u8>(lengths + symbol);
    const next = word(NEXT_CODES, length);
    setWord(NEXT_CODES, length, next + 1);
    setWord(codes, symbol, length == 0 ? 0 : reversed(next, length) | (length << 24));
  }
}

function reversed(code: u32, length: u32): u32 {
  let bits: u32 = 0;
  for (let left = length; left > 0; left--) {
    bits = (bits << 1) | (code & 1);
    code >>= 1;
  }
  return bits;
}
