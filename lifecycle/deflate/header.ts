// What stands before a block with its own codes: their lengths, which are compressed, too. RFC 1951, 3.2.7.
import { put, putCode } from "./bits";
import { codeLengths, codesOf } from "./huffman";
import { DISTANCE_BITS, HEADER_BITS, HEADER_CODES, HEADER_COUNTS, HEADER_ITEMS, LITERAL_BITS } from "./memory";

/** How many lengths of each kind, and of those of the lengths themselves, are sent. */
let literals: u32 = 0;
let distances: u32 = 0;
let lengths: u32 = 0;
/** How many items the lengths are. */
let items: u32 = 0;

/** Makes the items of the lengths in LITERAL_BITS and DISTANCE_BITS. */
export function countHeader(): void {
  literals = used(LITERAL_BITS, 286, 257);
  distances = used(DISTANCE_BITS, 30, 1);
  items = 0;
  memory.fill(HEADER_COUNTS, 0, 19 * 4);
  const all = literals + distances;
  for (let index: u32 = 0; index < all;) {
    const length = lengthAt(index);
    let run: u32 = 1;
    while (index + run < all && lengthAt(index + run) == length) run++;
    addRun(length, run);
    index += run;
  }
  codeLengths(HEADER_COUNTS, 19, 7, HEADER_BITS);
  lengths = 19;
  while (lengths > 4 && load<u8>(HEADER_BITS + sendOrder(lengths - 1)) == 0) lengths--;
}

/** Bits of the header, with the three that say what block it is. */
export function headerSize(): u32 {
  let bits: u32 = 17 + 3 * lengths;
  for (let symbol: u32 = 0; symbol < 19; symbol++) {
    bits += load<u32>(HEADER_COUNTS + (symbol << 2)) * (load<u8>(HEADER_BITS + symbol) + extraBits(symbol));
  }
  return bits;
}

/** Writes it. */
export function putHeader(): void {
  put((literals - 257) | ((distances - 1) << 5) | ((lengths - 4) << 10), 14);
  for (let index: u32 = 0; index < lengths; index++) put(load<u8>(HEADER_BITS + sendOrder(index)), 3);
  codesOf(HEADER_BITS, 19, HEADER_CODES);
  for (let index: u32 = 0; index < items; index++) {
    const item: u32 = load<u16>(HEADER_ITEMS + (index << 1));
    const symbol = item & 0xff;
    putCode(load<u32>(HEADER_CODES + (symbol << 2)));
    put(item >> 8, extraBits(symbol));
  }
}

function used(bits: usize, size: u32, least: u32): u32 {
  while (size > least && load<u8>(bits + size - 1) == 0) size--;
  return size;
}

/** Those of distances follow those of literals. */
function lengthAt(index: u32): u32 {
  return index < literals ? load<u8>(LITERAL_BITS + index) : load<u8>(DISTANCE_BITS + index - literals);
}

function addRun(length: u32, run: u32): void {
  if (length == 0) {
    for (; run >= 11; run -= min(run, 138)) addItem(18, min(run, 138) - 11);
    if (run >= 3) {
      addItem(17, run - 3);
      return;
    }
  } else {
    addItem(length, 0);
    run--;
    for (; run >= 3; run -= min(run, 6)) addItem(16, min(run, 6) - 3);
  }
  for (; run > 0; run--) addItem(length, 0);
}

function addItem(symbol: u32, extra: u32): void {
  store<u16>(HEADER_ITEMS + (items << 1), u16(symbol | (extra << 8)));
  items++;
  const counted = HEADER_COUNTS + (symbol << 2);
  store<u32>(counted, load<u32>(counted) + 1);
}

function extraBits(symbol: u32): u32 {
  return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

/** 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15. */
function sendOrder(index: u32): u32 {
  if (index < 3) return 16 + index;
  if (index == 3) return 0;
  return (index & 1) == 0 ? 6 + (index >> 1) : 8 - ((index - 3) >> 1);
}
