import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gunzip } from "../../lifecycle/oci/gunzip.ts";
import { GZIP_BLOCK } from "../../lifecycle/oci/deflater.ts";
import { GzipWriter } from "../../lifecycle/oci/gzip.ts";

async function gzip(chunks: Iterable<Uint8Array>, level?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  // A copy, as the contract of the output allows the writer to use the memory again.
  const writer = new GzipWriter((bytes) => void parts.push(Buffer.from(bytes)), { level });
  for (const chunk of chunks) await writer.write(chunk);
  await writer.finish();
  return Buffer.concat(parts);
}

async function* streamOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Bytes that look random but are the same in every run. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 12345;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const mixed = Buffer.concat([
  Buffer.from("compressible text ".repeat(90_000)),
  noise(2 * GZIP_BLOCK + 17),
  Buffer.alloc(700_000, 7),
]);

describe("gzip", () => {
  it("is undone by gunzip, for any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        expect(gunzipSync(await gzip([bytes]))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 50 },
    );
  });

  it("gives the same bytes however the input is cut", async () => {
    const whole = await gzip([mixed]);
    const sizes = fc.array(fc.integer({ min: 1, max: 1_500_000 }), { minLength: 1, maxLength: 4 });
    expect(gunzipSync(whole).equals(mixed)).toBe(true);
    await fc.assert(
      fc.asyncProperty(sizes, async (some) => {
        const big = some.map((size) => size + 3000);
        expect((await gzip(cut(mixed, big))).equals(whole)).toBe(true);
      }),
      { numRuns: 4 },
    );
  });

  it("shows every block once and in order to the hash", async () => {
    const hash = createHash("sha256");
    const writer = new GzipWriter(() => {}, { onBlock: (block) => void hash.update(block) });
    for (const chunk of cut(mixed, [100_000, 1_234_567])) await writer.write(chunk);
    await writer.finish();
    expect(hash.digest("hex")).toBe(createHash("sha256").update(mixed).digest("hex"));
  });

  it("stores what does not get smaller, with less than a thousandth more", async () => {
    const bytes = noise(3 * GZIP_BLOCK);
    const packed = await gzip([bytes]);
    expect(packed.length).toBeLessThan(bytes.length * 1.001);
    expect(packed.includes(bytes.subarray(GZIP_BLOCK, GZIP_BLOCK + 60_000))).toBe(true);
  });

  it("finds repetitions across the border of two blocks", async () => {
    const piece = noise(20_000);
    const filler = Buffer.from("ab".repeat((GZIP_BLOCK - 20_000) / 2));
    const twice = Buffer.concat([filler, piece, piece]);
    const once = Buffer.concat([filler, piece]);
    expect((await gzip([twice])).length - (await gzip([once])).length).toBeLessThan(2000);
  });

  it("uses the level", async () => {
    expect((await gzip([mixed], 9)).equals(await gzip([mixed], 1))).toBe(false);
    expect(gunzipSync(await gzip([mixed], 0)).equals(mixed)).toBe(true);
  });

  it("fails when the output fails, and does not write on", async () => {
    let calls = 0;
    const writer = new GzipWriter(() => {
      calls += 1;
      throw new Error("full");
    });
    await expect(
      (async () => {
        for (const chunk of cut(mixed, [500_000])) await writer.write(chunk);
        await writer.finish();
      })(),
    ).rejects.toThrow("full");
    expect(calls).toBe(1);
  });
});

async function* failing(): AsyncGenerator<Uint8Array> {
  yield await gzip([Buffer.from("x")]);
  throw new RangeError("the connection was cut");
}

describe("gunzip", () => {
  it("gives back what was compressed, for chunks of any size", async () => {
    const packed = await gzip([mixed]);
    for (const size of [999, 1 << 16, packed.length]) {
      expect((await collect(gunzip(streamOf(packed, size)))).equals(mixed)).toBe(true);
    }
  });

  it("refuses damaged, cut and foreign data", async () => {
    const packed = await gzip([Buffer.from("some layer")]);
    const damaged = Buffer.from(packed);
    damaged[packed.length - 6] = (damaged[packed.length - 6] ?? 0) ^ 1;
    for (const bytes of [damaged, packed.subarray(0, -3), Buffer.from("no gzip at all")]) {
      await expect(collect(gunzip(streamOf(bytes, 5)))).rejects.toMatchObject({ code: "INVALID_IMAGE" });
    }
  });

  it.each([4000, 9000, 64_000])("refuses %i bytes that follow the data", async (more) => {
    const followed = Buffer.concat([await gzip([Buffer.from("some layer")]), Buffer.alloc(more)]);
    await expect(collect(gunzip(streamOf(followed, 4000)))).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });

  it("passes on the failure of its source", async () => {
    await expect(collect(gunzip(failing()))).rejects.toThrow("the connection was cut");
  });

  it("closes its source when the reader stops early", async () => {
    let closed = false;
    const packed = await gzip([mixed]);
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* streamOf(packed, 1000);
      } finally {
        closed = true;
      }
    }
    for await (const chunk of gunzip(source())) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(true);
  });
});
