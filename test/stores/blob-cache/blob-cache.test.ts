import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentProgress, type Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { digestOf, hex, parseDiffId, type DiffId } from "../../../lifecycle/oci/digest.ts";
import { dockerTypes, ociTypes } from "../../../lifecycle/oci/media-type.ts";
import type { BlobCache } from "../../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import { openBlobCache } from "../../../lifecycle/stores/blob-cache/open.ts";

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "tspack-blobs-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function context(signal = new AbortController().signal): Context {
  return { logger: silentLogger, progress: silentProgress, clock: () => new Date(0), signal };
}

const tar = Buffer.concat([Buffer.from("the bytes of some tar ".repeat(60_000)), Buffer.alloc(1024)]);
const tarId = diffIdOf(tar);

function diffIdOf(bytes: Uint8Array): DiffId {
  return parseDiffId(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** Every file below the cache, by its path in it. */
function files(): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort();
}

function packTar(blobs: BlobCache, bytes = tar): ReturnType<BlobCache["pack"]> {
  return blobs.pack(async (sink) => {
    // One buffer for all pieces: a sink that keeps references instead of copies would be found out.
    const piece = Buffer.alloc(10_000);
    for (let at = 0; at < bytes.length; at += piece.length) {
      const length = bytes.copy(piece, 0, at);
      await sink.write(piece.subarray(0, length));
    }
  });
}

const kinds: readonly (readonly [string, () => Promise<BlobCache>])[] = [
  ["in memory", () => Promise.resolve(memoryBlobCache())],
  ["on disk", () => openBlobCache(dir, { ctx: context() })],
];

describe.each(kinds)("a blob cache %s", (_, open) => {
  it("packs a tar in one pass and finds it again by its DiffID", async () => {
    const blobs = await open();
    const layer = await packTar(blobs);
    expect(layer.diffId).toBe(tarId);
    const blob = await collect(layer.compressed());
    expect(await layer.descriptor()).toEqual({
      mediaType: ociTypes.layerGzip,
      digest: digestOf(blob),
      size: blob.length,
    });
    expect(gunzipSync(blob).equals(tar)).toBe(true);
    const again = await blobs.layer(tarId);
    expect(await again?.descriptor()).toEqual(await layer.descriptor());
    expect((await collect(again?.uncompressed() ?? streamOf())).equals(tar)).toBe(true);
    expect(await blobs.layer(diffIdOf(Buffer.from("other")))).toBeUndefined();
  });

  it("keeps a blob that is what its descriptor says, and its layer", async () => {
    const blobs = await open();
    const blob = gzipSync(tar);
    const descriptor = { mediaType: dockerTypes.layerGzip, digest: digestOf(blob), size: blob.length };
    await blobs.put(descriptor, streamOf(blob.subarray(0, 7), blob.subarray(7)), tarId);
    expect(await (await blobs.layer(tarId))?.descriptor()).toEqual(descriptor);
  });

  it("keeps nothing of a blob that is too short, too long or different", async () => {
    const blobs = await open();
    const blob = gzipSync(tar);
    const descriptor = { mediaType: ociTypes.layerGzip, digest: digestOf(blob), size: blob.length };
    const other = Buffer.from(blob);
    other[100] = (other[100] ?? 0) ^ 1;
    for (const bytes of [blob.subarray(0, -1), Buffer.concat([blob, Buffer.alloc(1)]), other]) {
      await expect(blobs.put(descriptor, streamOf(bytes), tarId)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    }
    expect(await blobs.layer(tarId)).toBeUndefined();
    expect(await blobs.file(descriptor.digest)).toBeUndefined();
  });

  it("passes on what goes wrong while packing", async () => {
    const blobs = await open();
    const failing = blobs.pack(async (sink) => {
      await sink.write(tar);
      throw new RangeError("the file is gone");
    });
    await expect(failing).rejects.toThrow("the file is gone");
    expect(await blobs.layer(tarId)).toBeUndefined();
  });

  it("refuses to give out a layer whose DiffID is not what its image said", async () => {
    const blobs = await open();
    const blob = gzipSync(tar);
    const wrong = diffIdOf(Buffer.from("something else"));
    const descriptor = { mediaType: ociTypes.layerGzip, digest: digestOf(blob), size: blob.length };
    await blobs.put(descriptor, streamOf(blob), wrong);
    const layer = await blobs.layer(wrong);
    if (layer !== undefined) {
      await expect(collect(layer.uncompressed())).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    }
  });
});

describe("the blob cache on disk", () => {
  it("is found again by another process, with private files and no leftovers", async () => {
    const layer = await packTar(await openBlobCache(dir, { ctx: context() }));
    const path = await (await (await openBlobCache(dir, { ctx: context() })).layer(tarId))?.blobFile?.();
    expect(digestOf(readFileSync(path ?? ""))).toBe((await layer.descriptor()).digest);
    expect(statSync(path ?? "").mode & 0o077).toBe(0);
    expect(files().filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("makes again what was cut short", async () => {
    const blobs = await openBlobCache(dir, { ctx: context() });
    const layer = await packTar(blobs);
    const path = (await layer.blobFile?.()) ?? "";
    truncateSync(path, 100);
    expect(await blobs.layer(tarId)).toBeUndefined();
    await packTar(blobs);
    expect(await (await blobs.layer(tarId))?.blobFile?.()).toBe(path);
  });

  it("leaves out an entry of its index that cannot be read", async () => {
    const blobs = await openBlobCache(dir, { ctx: context() });
    await packTar(blobs);
    writeFileSync(join(dir, "v1/diff-ids/sha256", hex(tarId)), "{");
    expect(await blobs.layer(tarId)).toBeUndefined();
  });

  it("forgets a wrong DiffID, and never replaces a right one by what an image says", async () => {
    const blobs = await openBlobCache(dir, { ctx: context() });
    const blob = gzipSync(Buffer.from("evil"));
    const descriptor = { mediaType: ociTypes.layerGzip, digest: digestOf(blob), size: blob.length };
    await blobs.put(descriptor, streamOf(blob), tarId);
    expect(await blobs.layer(tarId)).toBeUndefined();
    expect(existsSync(join(dir, "v1/diff-ids/sha256", hex(tarId)))).toBe(false);
    const packed = await (await packTar(blobs)).descriptor();
    await blobs.put(descriptor, streamOf(blob), tarId);
    expect(await (await blobs.layer(tarId))?.descriptor()).toEqual(packed);
  });

  it("lets several write the same layer at once", async () => {
    const caches = await Promise.all([1, 2, 3, 4].map(() => openBlobCache(dir, { ctx: context() })));
    const layers = await Promise.all(caches.map((blobs) => packTar(blobs)));
    const digests = await Promise.all(layers.map(async (layer) => (await layer.descriptor()).digest));
    expect(new Set(digests).size).toBe(1);
    expect(files().filter((name) => name.includes("blobs"))).toHaveLength(1);
  });

  it("stops when the build is cancelled and leaves nothing", async () => {
    const controller = new AbortController();
    const blobs = await openBlobCache(dir, { ctx: context(controller.signal) });
    controller.abort(new Error("cancelled"));
    await expect(packTar(blobs)).rejects.toThrow("cancelled");
    expect(files()).toEqual([]);
  });

  const full = existsSync("/dev/full") ? it : it.skip;
  full("says DISK_FULL with a hint, and leaves nothing, when there is no space", async () => {
    const blobs = await openBlobCache(dir, { ctx: context() });
    const failing = blobs.pack(async (sink) => {
      await sink.write(tar);
      writeFileSync("/dev/full", "x");
    });
    await expect(failing).rejects.toMatchObject({
      code: "DISK_FULL",
      hint: expect.stringContaining("TSPACK_HOME") as string,
    });
    expect(files()).toEqual([]);
  });

  it("removes what a killed process left a day ago, and nothing younger", async () => {
    await openBlobCache(dir, { ctx: context() });
    const [old, young] = [join(dir, "v1/tmp/old"), join(dir, "v1/tmp/young")];
    for (const path of [old, young]) writeFileSync(path, "half a layer");
    const now = Date.now();
    utimesSync(old, now / 1000 - 90_000, now / 1000 - 90_000);
    await openBlobCache(dir, { ctx: { ...context(), clock: () => new Date(now) } });
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  it("does not hide that its folder cannot be written", async () => {
    if (process.getuid?.() === 0) return;
    chmodSync(dir, 0o500);
    await expect(openBlobCache(dir, { ctx: context() })).rejects.toMatchObject({ code: "EACCES" });
  });
});
