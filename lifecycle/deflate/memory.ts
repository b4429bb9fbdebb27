// Where everything lies in the module's memory: addresses in bytes. Two megabytes and a half are enough for a
// block with its dictionary, and for what becomes of it.

/** By hash: the newest places with it, one or two, of each the lowest 16 bits. */
export const PLACES: usize = 0x10000;
/** The hash has so many bits. */
export const HASH_BITS: u32 = 15;

/** Sequences of a Huffman block: u32 number of literals, then u32 length of the match << 16 | distance - 1. */
export const SEQUENCES: usize = 0x30000;
export const SEQUENCES_END: usize = 0x70000;

/** How often each symbol occurs in the block: u32[288] of literals and lengths, right after it u32[32] of distances. */
export const LITERAL_COUNTS: usize = 0x70000;
export const DISTANCE_COUNTS: usize = LITERAL_COUNTS + 288 * 4;
/** Bytes of both. */
export const COUNTS_SIZE: usize = (288 + 32) * 4;

/** Lengths of codes in bits: u8[288] of literals and lengths, right after it u8[32] of distances. */
export const LITERAL_BITS: usize = 0x70600;
export const DISTANCE_BITS: usize = LITERAL_BITS + 288;
/** The same of the fixed codes of RFC 1951, 3.2.6. */
export const FIXED_LITERAL_BITS: usize = 0x70780;
export const FIXED_DISTANCE_BITS: usize = FIXED_LITERAL_BITS + 288;

/** Codes, u32[]: the code's bits, and above them (<< 24) how many these are. */
export const LITERAL_CODES: usize = 0x70900;
export const DISTANCE_CODES: usize = LITERAL_CODES + 288 * 4;
/** u32[259] by the length of a match: its code and extra bits together, in the same form. */
export const LENGTH_CODES: usize = 0x70e80;

/** u8[259]: the symbol of a match's length, less 257. */
export const LENGTH_SYMBOLS: usize = 0x71300;
/** u8[512]: the symbol of distance - 1 when that is below 256, then that of (distance - 1) >> 7. */
export const DISTANCE_SYMBOLS: usize = 0x71480;

/** The code lengths as they are sent: u16[], a symbol with its extra bits << 8. RFC 1951, 3.2.7. */
export const HEADER_ITEMS: usize = 0x71700;
/** Counts, lengths and codes of those 19 symbols. */
export const HEADER_COUNTS: usize = 0x71a00;
export const HEADER_BITS: usize = 0x71a80;
export const HEADER_CODES: usize = 0x71ac0;

/** For `huffman.ts`: u32[288] of sorted symbols, u32[288] of the tree, u32[16] numbers of codes by their length. */
export const SORTED: usize = 0x71c00;
export const TREE: usize = SORTED + 288 * 4;
export const LENGTH_COUNTS: usize = TREE + 288 * 4;
export const NEXT_CODES: usize = LENGTH_COUNTS + 16 * 4;

/** The most bytes that a match reaches back. */
export const WINDOW: u32 = 32768;
/** The dictionary, which ends where the block begins. */
export const DICTIONARY: usize = 0x80000;
/** The bytes that are compressed: a mebibyte at the most, and room for reads beyond its end. */
export const BLOCK: usize = DICTIONARY + WINDOW;
/** What becomes of them: at the most 85 bytes more than they are. */
export const OUTPUT: usize = BLOCK + (1 << 20) + 64;
