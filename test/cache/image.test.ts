import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openImageCache } from "../../lifecycle/cache/image.ts";
import type { CacheMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { TspackError } from "../../lifecycle/errors.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type MemoryStore, memoryStore } from "../../lifecycle/stores/memory.ts";
import { goldenRoot } from "../oci/golden-root.ts";

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
const ref = parseReference("localhost/cache");
const [a, b] = [memoryLayer(Buffer.from("layer a")), memoryLayer(Buffer.from("layer b"))];
const open = (store: MemoryStore) => openImageCache(ref, { images: store, sink: store, deleter: store, ctx });
const openWarning = (store: MemoryStore, warnings: string[]) => {
  const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
  return openImageCache(ref, { images: store, sink: store, deleter: store, ctx: { ...ctx, logger } });
};
const metadataOf = (layer: Layer): CacheMetadata => ({
  buildpacks: [
    {
      key: "x",
      version: "1",
      layers: { l: { sha: layer.diffId, data: undefined, build: false, launch: false, cache: true } },
    },
  ],
});

describe("a cache image", () => {
  test.skipIf(goldenRoot === undefined)("that holds nothing is the reference's, byte for byte", async () => {
    const store = memoryStore();
    await (await open(store)).commit({ buildpacks: [{ key: "golden/simple", version: "1.2.3", layers: {} }] });
    const image = await store.resolve(ref);
    const golden = join(goldenRoot ?? "", "01-simple/cache-image/expected/cache-image");
    expect(decoded((await image?.config())?.bytes)).toBe(readFileSync(join(golden, "config.json"), "utf8"));
    expect(decoded((await image?.manifest())?.bytes)).toBe(readFileSync(join(golden, "manifest.json"), "utf8"));
  });

  test("gives back what was committed, and no more", async () => {
    const store = memoryStore();
    const first = await open(store);
    expect(await first.metadata()).toEqual({ buildpacks: [] });
    await first.stage(a);
    await first.commit(metadataOf(a));
    const second = await open(store);
    expect(await second.metadata()).toEqual(metadataOf(a));
    expect((await second.lookup(a.diffId)).kind).toBe("hit");
    expect((await second.lookup(b.diffId)).kind).toBe("miss");
  });

  test("names a layer again that it has, without reading it, and removes the old image", async () => {
    const store = memoryStore();
    const first = await open(store);
    await first.stage(a);
    await first.commit(metadataOf(a));
    const before = (await (await store.resolve(ref))?.manifest())?.digest;
    const second = await open(store);
    await second.stage({ ...a, compressed: refuseToRead, descriptor: refuseToRead, uncompressed: refuseToRead });
    await second.stage(b);
    await second.commit(metadataOf(b));
    const image = await store.resolve(ref);
    if (image !== undefined) await validate(image);
    expect((await image?.config())?.value.rootfs.diff_ids).toEqual([a.diffId, b.diffId]);
    expect(await store.resolve({ ...ref, tag: undefined, digest: before })).toBeUndefined();
  });

  test("that may not be deleted is a warning, and the new one is in its place", async () => {
    const store = memoryStore();
    await (await open(store)).commit(metadataOf(a));
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
    const deleter = { delete: () => Promise.reject(new Error("denied")) };
    const second = await openImageCache(ref, { images: store, sink: store, deleter, ctx: { ...ctx, logger } });
    await second.stage(b);
    await second.commit(metadataOf(b));
    expect(warnings).toEqual(["Unable to delete cache image: denied"]);
    expect(await (await open(store)).metadata()).toEqual(metadataOf(b));
  });

  test("with a label that is no JSON counts as empty", async () => {
    const store = memoryStore();
    const { imageFromParts } = await import("../../lifecycle/oci/memory-image.ts");
    const Labels = { "io.buildpacks.lifecycle.cache.metadata": "{" };
    const broken = imageFromParts({
      config: { architecture: "", os: "linux", config: { Labels } },
      layers: [a],
      format: "oci",
    });
    await store.write(broken, [ref]);
    const warnings: string[] = [];
    expect(await (await openWarning(store, warnings)).metadata()).toEqual({ buildpacks: [] });
    expect(warnings).toEqual([`Ignoring cache image "localhost/cache" because it was corrupt`]);
  });

  test.each(["INVALID_IMAGE", "DIGEST_MISMATCH", "NOT_FOUND"] as const)(
    "that is damaged (%s) is warned about, counts as empty and is replaced",
    async (code) => {
      const store = memoryStore();
      const images = { resolve: () => Promise.reject(new TspackError(code, "damaged")) };
      const warnings: string[] = [];
      const cache = await openWarning({ ...store, ...images }, warnings);
      expect(await cache.metadata()).toEqual({ buildpacks: [] });
      expect(warnings).toEqual([`Ignoring cache image "localhost/cache" because it was corrupt: damaged`]);
      await cache.stage(a);
      await cache.commit(metadataOf(a));
      expect(await (await open(store)).metadata()).toEqual(metadataOf(a));
    },
  );

  test("that may not be read is an error: the credentials are wrong, not the cache", async () => {
    const store = memoryStore();
    const images = { resolve: () => Promise.reject(new TspackError("UNAUTHORIZED", "no")) };
    await expect(openWarning({ ...store, ...images }, [])).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });
});

function refuseToRead(): never {
  throw new Error("read");
}

function decoded(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
