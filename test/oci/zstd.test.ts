import { createHash } from "node:crypto";
import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { inflate } from "../../lifecycle/oci/blob-layer.ts";
import type { ByteStream } from "../../lifecycle/oci/layer.ts";
import { layerTypeFor, ociTypes } from "../../lifecycle/oci/media-type.ts";
import { isZstd, ZstdWriter } from "../../lifecycle/oci/zstd.ts";
import { compress } from "../../lifecycle/stores/blob-cache/compress.ts";

const hasZstd = "zstdCompress" in zlib;
const digest = `sha256:${"0".repeat(64)}` as never;

async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// oxlint-disable-next-line require-await -- a stream of what is there
async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** Five megabytes, so three frames. */
const text = Buffer.from("what a layer is made of, again and again\n".repeat(125_000));

async function packed(compression: "gzip" | "zstd", cut: number) {
  const parts: Uint8Array[] = [];
  const made = await compress(
    async (sink) => {
      for (let at = 0; at < text.length; at += cut) await sink.write(text.subarray(at, at + cut));
    },
    (bytes) => void parts.push(Buffer.from(bytes)),
    { compression },
  );
  return { ...made, blob: Buffer.concat(parts) };
}

describe.runIf(hasZstd)("zstd", () => {
  test("has the DiffID of gzip, other bytes and its own media type, however the input is cut", async () => {
    const [gzip, zstd, cut] = [await packed("gzip", 70_000), await packed("zstd", 70_000), await packed("zstd", 3_333)];
    expect(zstd.diffId).toBe(gzip.diffId);
    expect(zstd.descriptor.mediaType).toBe(ociTypes.layerZstd);
    expect(zstd.descriptor.digest).toBe(`sha256:${createHash("sha256").update(zstd.blob).digest("hex")}`);
    expect(cut.blob.equals(zstd.blob)).toBe(true);
    expect(zstd.blob.length).toBeLessThan(text.length / 100);
  });

  test("is read whole, of many frames, cut anywhere, behind a frame that is skipped", async () => {
    const { blob } = await packed("zstd", 1 << 20);
    expect((await bytesOf(inflate(streamOf(blob), { digest }))).equals(text)).toBe(true);
    const pieces = Array.from({ length: 20 }, (_, index) => {
      const size = Math.ceil(blob.length / 20);
      return blob.subarray(index * size, (index + 1) * size);
    });
    expect((await bytesOf(inflate(streamOf(...pieces), { digest }))).equals(text)).toBe(true);
    const skipped = Buffer.from("502a4d1804000000616c736f", "hex");
    expect((await bytesOf(inflate(streamOf(skipped, blob), { digest }))).equals(text)).toBe(true);
  });

  test("of nothing is one frame", async () => {
    const parts: Uint8Array[] = [];
    const writer = new ZstdWriter((bytes) => void parts.push(bytes), { onBlock: () => {} });
    await writer.finish();
    expect(isZstd(Buffer.concat(parts))).toBe(true);
    expect(await bytesOf(inflate(streamOf(...parts), { digest }))).toHaveLength(0);
  });

  test("that is cut or damaged is an invalid image", async () => {
    const { blob } = await packed("zstd", 1 << 20);
    await expect(bytesOf(inflate(streamOf(blob.subarray(0, -9)), { digest }))).rejects.toMatchObject({
      code: "INVALID_IMAGE",
    });
    const damaged = Buffer.concat([blob.subarray(0, 4), Buffer.alloc(200, 0xff)]);
    await expect(bytesOf(inflate(streamOf(damaged), { digest }))).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });
});

describe.skipIf(hasZstd)("zstd on a Node that does not have it", () => {
  test("says which Node can write and read it", async () => {
    const missing = { code: "TOOL_MISSING", hint: expect.stringContaining("Node 22.15") };
    await expect(packed("zstd", 1 << 20)).rejects.toMatchObject(missing);
    const start = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]);
    await expect(bytesOf(inflate(streamOf(start), { digest }))).rejects.toMatchObject(missing);
  });
});

test("Docker's manifests take no zstd", () => {
  expect(() => layerTypeFor(ociTypes.layerZstd, "docker")).toThrow(expect.objectContaining({ code: "INVALID_IMAGE" }));
  expect(layerTypeFor(ociTypes.layerZstd, "oci")).toBe(ociTypes.layerZstd);
});
