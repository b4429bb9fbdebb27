import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashFirst } from "../../lifecycle/layers/hash-first.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import type { BlobCache, ByteSink } from "../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";

/** A real blob cache that says how often it packed. */
function counting(): BlobCache & { readonly packs: () => number } {
  const blobs = memoryBlobCache(1);
  let packs = 0;
  return {
    pack: (produce) => {
      packs++;
      return blobs.pack(produce);
    },
    layer: (diffId) => blobs.layer(diffId),
    file: (digest) => blobs.file(digest),
    put: (descriptor, blob, diffId) => blobs.put(descriptor, blob, diffId),
    packs: () => packs,
  };
}

const idOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const writing = (bytes: Uint8Array) => (sink: ByteSink) => Promise.resolve(sink.write(bytes));

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

const tar = Buffer.from("the tar of a layer");

describe("hashing before compressing", () => {
  it("does not compress a layer that is expected and that nobody asks for", async () => {
    const blobs = counting();
    const layer = await hashFirst(blobs, new Set([idOf(tar)])).pack(writing(tar));
    expect(layer.diffId).toBe(idOf(tar));
    expect(blobs.packs()).toBe(0);
  });

  it("compresses an expected layer once when its blob is asked for, to the same blob", async () => {
    const blobs = counting();
    const plain = await memoryBlobCache(1).pack(writing(tar));
    const layer = await hashFirst(blobs, new Set([idOf(tar)])).pack(writing(tar));
    expect(await layer.descriptor()).toEqual(await plain.descriptor());
    expect(await bytesOf(layer.compressed())).toEqual(await bytesOf(plain.compressed()));
    expect(await bytesOf(layer.uncompressed())).toEqual(tar);
    expect(blobs.packs()).toBe(1);
  });

  it("takes the blob of an expected layer from the cache", async () => {
    const blobs = counting();
    await blobs.pack(writing(tar));
    const layer = await hashFirst(blobs, new Set([idOf(tar)])).pack(writing(tar));
    expect(await bytesOf(layer.uncompressed())).toEqual(tar);
    expect(blobs.packs()).toBe(1);
  });

  it("packs what is not expected, as without it", async () => {
    const blobs = counting();
    const layer = await hashFirst(blobs, new Set([idOf(Buffer.from("other"))])).pack(writing(tar));
    expect(layer.diffId).toBe(idOf(tar));
    expect(await bytesOf(layer.uncompressed())).toEqual(tar);
    expect(blobs.packs()).toBe(1);
  });

  it("refuses a blob that is not what was hashed", async () => {
    let text = "before";
    const produce = (sink: ByteSink) => Promise.resolve(sink.write(Buffer.from(text)));
    const layer: Layer = await hashFirst(memoryBlobCache(1), new Set([idOf(Buffer.from(text))])).pack(produce);
    text = "after";
    await expect(layer.descriptor()).rejects.toMatchObject({ code: "EXPORT_FAILED" });
  });

  it("finds the same DiffID as packing, however the tar is cut", async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 3 }).chain((few) => fc.constantFrom(few, large(few))));
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const whole = Buffer.concat(parts);
        const blobs = counting();
        const layer = await hashFirst(blobs, new Set([idOf(whole)])).pack(async (sink) => {
          for (const part of parts) await sink.write(part);
        });
        expect(layer.diffId).toBe(idOf(whole));
        expect(blobs.packs()).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

/** Around the size at which pieces are not collected any more. */
function large(few: Uint8Array): Uint8Array {
  return new Uint8Array(256 * 1024 - 1 + few.length).fill(few[0] ?? 7);
}
