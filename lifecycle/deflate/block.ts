// One Huffman block from its sequences: in the form, of three, that is shortest. RFC 1951, 3.2.3.
import { at, count, pending, put, putCode, putStored, resume } from "./bits";
import { codeLengths, codesOf } from "./huffman";
import { countHeader, headerSize, putHeader } from "./header";
import {
  DISTANCE_BITS,
  DISTANCE_CODES,
  DISTANCE_COUNTS,
  FIXED_DISTANCE_BITS,
  FIXED_LITERAL_BITS,
  LENGTH_CODES,
  LENGTH_SYMBOLS,
  LITERAL_BITS,
  LITERAL_CODES,
  LITERAL_COUNTS,
  SEQUENCES,
} from "./memory";
import { distanceBase, distanceExtra, distanceSymbol, lengthBase, lengthExtra } from "./symbols";

/** The end of the block. */
const END: u32 = 256;
/** Four codes of this length, and 7 bits from before, fit into 64. */
const LONGEST_LITERAL: u32 = 14;

/** Writes the bytes between two addresses, which the sequences up to `last` and then literals are. */
export function putBlock(from: usize, to: usize, last: usize): void {
  store<u32>(LITERAL_COUNTS + (END << 2), 1);
  codeLengths(LITERAL_COUNTS, 286, LONGEST_LITERAL, LITERAL_BITS);
  codeLengths(DISTANCE_COUNTS, 30, 15, DISTANCE_BITS);
  countHeader();
  const dynamic: u32 = headerSize() + dataSize(LITERAL_BITS, DISTANCE_BITS);
  const fixed: u32 = 3 + dataSize(FIXED_LITERAL_BITS, FIXED_DISTANCE_BITS);
  const size: u32 = u32(to - from);
  if ((size << 3) + 40 * (size / 0xffff + 1) <= min(fixed, dynamic)) {
    for (let next = from; next < to; next += 0xffff) putStored(next, min(u32(to - next), 0xffff));
    return;
  }
  if (fixed <= dynamic) {
    put(0b010, 3);
    codesOf(FIXED_LITERAL_BITS, 288, LITERAL_CODES);
    codesOf(FIXED_DISTANCE_BITS, 30, DISTANCE_CODES);
  } else {
    put(0b100, 3);
    putHeader();
    codesOf(LITERAL_BITS, 286, LITERAL_CODES);
    codesOf(DISTANCE_BITS, 30, DISTANCE_CODES);
  }
  makeLengthCodes();
  putSequences(from, to, last);
  putCode(load<u32>(LITERAL_CODES + (END << 2)));
}

/** Bits of all symbols with codes of these lengths. */
function dataSize(literals: usize, distances: usize): u32 {
  let bits: u32 = 0;
  for (let symbol: u32 = 0; symbol < 286; symbol++) {
    const extra = symbol <= END ? 0 : lengthExtra(symbol - END - 1);
    bits += load<u32>(LITERAL_COUNTS + (symbol << 2)) * (load<u8>(literals + symbol) + extra);
  }
  for (let symbol: u32 = 0; symbol < 30; symbol++) {
    bits += load<u32>(DISTANCE_COUNTS + (symbol << 2)) * (load<u8>(distances + symbol) + distanceExtra(symbol));
  }
  return bits;
}

function makeLengthCodes(): void {
  for (let length: u32 = 3; length < 259; length++) {
    const symbol: u32 = load<u8>(LENGTH_SYMBOLS + length);
    const code = load<u32>(LITERAL_CODES + ((END + 1 + symbol) << 2));
    const size = code >> 24;
    const bits = (code & 0xffffff) | ((length - lengthBase(symbol)) << size);
    store<u32>(LENGTH_CODES + (length << 2), bits | ((size + lengthExtra(symbol)) << 24));
  }
}

/** The innermost loop: what `bits.ts` has in globals is in locals, which are registers. */
function putSequences(from: usize, to: usize, last: usize): void {
  let input = from;
  let output = at;
  let bits = pending;
  let size = count;
  for (let sequence: usize = SEQUENCES; ; sequence += 8) {
    const end = sequence == last ? to : input + load<u32>(sequence);
    for (; input + 4 <= end; input += 4) {
      const four = load<u32>(input);
      for (let shift: u32 = 0; shift < 32; shift += 8) {
        const code: u64 = load<u32>(LITERAL_CODES + (((four >> shift) & 0xff) << 2));
        bits |= (code & 0xffffff) << size;
        size += code >> 24;
      }
      store<u64>(output, bits);
      output += usize(size >> 3);
      bits >>= size & 0x38;
      size &= 7;
    }
    for (; input < end; input++) {
      const code: u64 = load<u32>(LITERAL_CODES + (u32(load<u8>(input)) << 2));
      bits |= (code & 0xffffff) << size;
      size += code >> 24;
    }
    store<u64>(output, bits);
    output += usize(size >> 3);
    bits >>= size & 0x38;
    size &= 7;
    if (sequence == last) break;
    const match = load<u32>(sequence + 4);
    const length: u64 = load<u32>(LENGTH_CODES + ((match >> 16) << 2));
    bits |= (length & 0xffffff) << size;
    size += length >> 24;
    const symbol = distanceSymbol(match & 0xffff);
    const distance: u64 = load<u32>(DISTANCE_CODES + (symbol << 2));
    bits |= (distance & 0xffffff) << size;
    size += distance >> 24;
    bits |= u64((match & 0xffff) + 1 - distanceBase(symbol)) << size;
    size += distanceExtra(symbol);
    store<u64>(output, bits);
    output += usize(size >> 3);
    bits >>= size & 0x38;
    size &= 7;
    input += match >> 16;
  }
  resume(output, bits, size);
}
