import { createHash } from "node:crypto";
import { constants, inflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockDeflater, compileDeflate } from "../../lifecycle/oci/deflate-block.ts";
import { DICTIONARY, GZIP_BLOCK } from "../../lifecycle/oci/deflater.ts";

const deflater = new BlockDeflater(compileDeflate());
const levels = [1, 2, 3];

/** What becomes of a block, in memory that is large enough for it. */
function deflate(dictionary: Uint8Array, block: Uint8Array, level: number): Buffer {
  const memory = Buffer.alloc(DICTIONARY + GZIP_BLOCK);
  memory.set(dictionary);
  memory.set(block, dictionary.length);
  const size = deflater.deflate(memory, { dictionary: dictionary.length, size: block.length }, level);
  return memory.subarray(0, size);
}

/** zlib's own reading of it, which is given no bytes too many. */
function inflate(dictionary: Uint8Array, packed: Uint8Array): Buffer {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return inflateRawSync(packed, dictionary.length === 0 ? options : { ...options, dictionary });
}

function expectUndone(dictionary: Uint8Array, block: Uint8Array): void {
  for (const level of levels) {
    const packed = deflate(dictionary, block, level);
    expect(inflate(dictionary, packed).equals(block)).toBe(true);
    expect(packed.length).toBeLessThanOrEqual(block.length + 85);
    // An empty stored block: the next one begins on a byte.
    expect(packed.subarray(-4).toString("hex")).toBe("0000ffff");
  }
}

/** Bytes of different kinds in a row: repetitions near and far, runs, few symbols, all symbols. */
const pieces = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 70_000 })).map(([byte, size]) => {
    return Buffer.alloc(size, byte);
  }),
  fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.integer(), fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 50_000 }))
    .map(([seed, symbols, size]) => Buffer.from(symbolsFrom(seed, symbols, size))),
  fc.tuple(fc.string({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 400 })).map(([text, times]) => {
    return Buffer.from(text.repeat(times));
  }),
);
const mixtures = fc.array(pieces, { minLength: 1, maxLength: 12 }).map((parts) => {
  // Each piece comes again later: matches at all distances.
  return Buffer.concat([...parts, ...parts.toReversed()]).subarray(0, GZIP_BLOCK);
});

function symbolsFrom(seed: number, symbols: number, size: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length: size }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    // Some are much more frequent than others, so that codes get long.
    return Math.floor(symbols * ((state >>> 8) / 2 ** 24) ** 6);
  });
}

describe("a block compressed at a fast level", () => {
  it("is undone by zlib, whatever is in it", () => {
    fc.assert(
      fc.property(mixtures, (block) => expectUndone(Buffer.alloc(0), block)),
      { numRuns: 60 },
    );
  });

  it("is undone by zlib with the bytes before it as dictionary", () => {
    fc.assert(
      fc.property(mixtures, fc.integer({ min: 1, max: DICTIONARY }), (bytes, size) => {
        expectUndone(bytes.subarray(0, Math.min(size, bytes.length)), bytes);
      }),
      { numRuns: 40 },
    );
  });

  it.each([1, 2, 3, 4, 5, 257, 258, 259, 32_767, 32_768, 32_769, GZIP_BLOCK - 1, GZIP_BLOCK])(
    "may have %i bytes",
    (size) => {
      expectUndone(Buffer.alloc(0), Buffer.alloc(size, "a"));
      expectUndone(Buffer.alloc(DICTIONARY, "a"), Buffer.alloc(size, "a"));
      expectUndone(Buffer.alloc(0), Buffer.from(symbolsFrom(size, 256, size)));
    },
  );

  it("finds what was 32 KiB before, and nothing that was before that or before the dictionary", () => {
    const piece = createHash("sha512").update("piece").digest();
    const between = (size: number): Buffer => Buffer.concat([piece, Buffer.alloc(size - 64), piece]);
    for (const level of levels) {
      const near = deflate(Buffer.alloc(0), between(DICTIONARY), level).length;
      const far = deflate(Buffer.alloc(0), between(DICTIONARY + 1), level).length;
      expect(far - near).toBeGreaterThan(50);
    }
    // Memory that is zero lies before the first block: zeros must not repeat what is not there.
    expectUndone(Buffer.alloc(0), Buffer.alloc(40_000));
  });

  it("has codes within deflate's limits when frequencies are those of Fibonacci", () => {
    const counts = [1, 1];
    while (counts.length < 26) counts.push((counts.at(-1) ?? 0) + (counts.at(-2) ?? 0));
    const bytes = Buffer.concat(counts.map((count, symbol) => Buffer.alloc(Math.min(count, 40_000), symbol)));
    const shuffled = bytes.subarray(0, GZIP_BLOCK);
    let state = 7;
    for (let at = shuffled.length - 1; at > 0; at--) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const other = state % (at + 1);
      [shuffled[at], shuffled[other]] = [shuffled[other] ?? 0, shuffled[at] ?? 0];
    }
    expectUndone(Buffer.alloc(0), shuffled);
  });

  it("depends on nothing that was compressed before", () => {
    const block = Buffer.from(symbolsFrom(3, 40, 300_000));
    const first = new BlockDeflater(compileDeflate());
    for (const level of levels) {
      const memory = Buffer.alloc(DICTIONARY + GZIP_BLOCK);
      memory.set(block);
      const size = first.deflate(memory, { dictionary: 0, size: block.length }, level);
      expect(deflate(Buffer.alloc(0), block, level).equals(memory.subarray(0, size))).toBe(true);
    }
  });

  it("is the same on every machine", () => {
    // Changed digests are changed layers: every image that is built again would be sent again.
    const block = Buffer.from(symbolsFrom(1, 200, 400_000));
    const digests = levels.map((level) => createHash("sha256").update(deflate(block.subarray(0, 9), block, level)));
    expect(digests.map((digest) => digest.digest("hex").slice(0, 16))).toEqual([
      "b84672c93f778e44",
      "df043a75ca5dc5d2",
      "a834bb147a7e8398",
    ]);
  });

  it("gets smaller with every level, where lines repeat in parts", () => {
    const words = Array.from({ length: 2000 }, (_, index) => createHash("sha1").update(`${index}`).digest("base64url"));
    const chosen = Array.from(Buffer.from(symbolsFrom(11, 256, 120_000)), (n, at) => words[n * 7 + (at % 5)] ?? "");
    const text = Buffer.from(chosen.map((word, at) => word.slice(0, 2 + (at % 9))).join(" "));
    const sizes = levels.map((level) => deflate(Buffer.alloc(0), text.subarray(0, GZIP_BLOCK), level).length);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBe(3);
  });
});
