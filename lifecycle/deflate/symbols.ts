// Symbols for lengths and distances of matches. RFC 1951, 3.2.5.
import {
  DISTANCE_SYMBOLS,
  FIXED_DISTANCE_BITS,
  FIXED_LITERAL_BITS,
  LENGTH_SYMBOLS,
} from "./memory";

/** The smallest length with the symbol 257 + `symbol`. */
export function lengthBase(symbol: u32): u32 {
  if (symbol < 8) return 3 + symbol;
  if (symbol == 28) return 258;
  return 3 + ((4 + (symbol & 3)) << lengthExtra(symbol));
}

/** The number of bits that follow it. */
export function lengthExtra(symbol: u32): u32 {
  return symbol < 8 || symbol == 28 ? 0 : (symbol >> 2) - 1;
}

/** The smallest distance with the symbol. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function distanceBase(symbol: u32): u32 {
  return symbol < 4 ? 1 + symbol : 1 + ((2 + (symbol & 1)) << ((symbol >> 1) - 1));
}

/** The number of bits that follow it. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function distanceExtra(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >> 1) - 1;
}

/** The symbol of a distance, given less one. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function distanceSymbol(less: u32): u32 {
  return load<u8>(DISTANCE_SYMBOLS + usize(less < 256 ? less : 256 + (less >> 7)));
}

/** Fills the tables. Before anything else is called. */
export function makeSymbols(): void {
  for (let symbol: u32 = 0; symbol < 29; symbol++) {
    const base = lengthBase(symbol);
    // 258 has a symbol of its own, which comes last and wins.
    for (let more: u32 = 0; more < (1 << lengthExtra(symbol)); more++) {
      store<u8>(LENGTH_SYMBOLS + base + more, u8(symbol));
    }
  }
  for (let symbol: u32 = 0; symbol < 30; symbol++) {
    const base = distanceBase(symbol) - 1;
    for (let more: u32 = 0; more < (1 << distanceExtra(symbol)); more++) {
      const less = base + more;
      store<u8>(DISTANCE_SYMBOLS + usize(less < 256 ? less : 256 + (less >> 7)), u8(symbol));
    }
  }
  for (let symbol: u32 = 0; symbol < 288; symbol++) {
    store<u8>(FIXED_LITERAL_BITS + symbol, symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  }
  for (let symbol: u32 = 0; symbol < 32; symbol++) store<u8>(FIXED_DISTANCE_BITS + symbol, 5);
}
