import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, type DiffId } from "../../lifecycle/oci/digest.ts";
import type { ByteStream } from "../../lifecycle/oci/layer.ts";
import { plainBlobs } from "../../lifecycle/stores/blob-cache/plain.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-plain-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const mebibyte = 1024 * 1024;

test("what is packed comes back, however it was cut, and its caller may use its memory again", async () => {
  const sizes = fc.array(fc.oneof(fc.nat(2000), fc.constantFrom(mebibyte - 1, mebibyte, mebibyte + 1)), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const pieces = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      const blobs = plainBlobs(mkdtempSync(join(directory, "run-")));
      const layer = await blobs.pack(async (sink) => {
        for (const piece of pieces) {
          const reused = Buffer.from(piece);
          await sink.write(reused);
          reused.fill(0);
        }
      });
      const whole = Buffer.concat(pieces);
      expect(layer.diffId as string).toBe(digestOf(whole));
      expect(await layer.descriptor()).toMatchObject({ digest: digestOf(whole), size: whole.length });
      expect((await bytesOf(layer.compressed())).equals(whole)).toBe(true);
      expect((await bytesOf(layer.uncompressed())).equals(whole)).toBe(true);
      expect(await blobs.layer(layer.diffId)).toBe(layer);
    }),
    { numRuns: 25 },
  );
});

test("the same layer twice is one file", async () => {
  const blobs = plainBlobs(directory);
  for (let time = 0; time < 2; time += 1) await blobs.pack(async (sink) => sink.write(Buffer.from("x")));
  expect(readdirSync(directory)).toHaveLength(1);
});

test("a layer that could not be packed leaves nothing", async () => {
  const packing = plainBlobs(directory).pack(async (sink) => {
    await sink.write(Buffer.from("x"));
    throw new Error("no");
  });
  await expect(packing).rejects.toThrow("no");
  expect(readdirSync(directory)).toEqual([]);
});

test("a blob from elsewhere is kept when it is what it says, and else is not", async () => {
  const blobs = plainBlobs(directory);
  const bytes = Buffer.from("blob");
  const stream = async function* () {
    yield bytes;
  };
  const descriptor = { mediaType: "x", digest: digestOf(bytes), size: bytes.length };
  const diffId = digestOf("tar") as string as DiffId;
  const path = await blobs.put(descriptor, stream(), diffId);
  expect(await blobs.file(descriptor.digest)).toBe(path);
  expect((await blobs.layer(diffId))?.diffId).toBe(diffId);
  expect(await blobs.put(descriptor, stream(), diffId)).toBe(path);
  const wrong = { ...descriptor, digest: digestOf("other") };
  await expect(blobs.put(wrong, stream())).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(await blobs.file(wrong.digest)).toBeUndefined();
});
