import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LayerCache } from "../../lifecycle/cache/cache.ts";
import { openImageCache } from "../../lifecycle/cache/image.ts";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { packingBy } from "../../lifecycle/layers/hash-first.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type ExportInputs, exportImage } from "../../lifecycle/phases/export.ts";
import type { BlobCache } from "../../lifecycle/stores/blob-cache.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { exportInputs, metadataWith } from "./export-fixture.ts";

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
let root = "";
let registry: FakeRegistry;
let store: RegistryStore;
const name = (repository: string) => parseReference(`${registry.host}/${repository}`);
/** DiffIDs of all that was compressed, as often as it was. */
const compressed: string[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-once-"));
  registry = await startFakeRegistry();
  store = registryStore({});
  const config = { architecture: "amd64", os: "linux" };
  const base = imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" });
  await store.write(base, [name("run")]);
  write("launcher", "launcher");
  write("app/main", "app");
  write("layers/config/metadata.toml", "");
  write("layers/a_b/both/file", "for the image and for the cache");
  write("layers/a_b/both.toml", "[types]\nlaunch = true\ncache = true\n");
  write("layers/a_b/cached/file", "for the cache");
  write("layers/a_b/cached.toml", "[types]\ncache = true\n");
});
afterEach(async () => {
  await registry.close();
  rmSync(root, { recursive: true, force: true });
});

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const caches: Readonly<Record<string, () => Promise<LayerCache | undefined>>> = {
  "no cache": () => Promise.resolve(undefined),
  "a cache image": () => openImageCache(name("cache"), { images: store, sink: store, deleter: store, ctx }),
  "a cache directory": () => openVolumeCache(join(root, "cache"), ctx),
};

/** Builds with what is on the disk and a launch cache, as two tags in two repositories; gives what was compressed for it. */
async function build(cache: LayerCache | undefined, blobs = "blobs"): Promise<readonly string[]> {
  compressed.length = 0;
  const real = await openBlobCache(join(root, blobs), { ctx });
  const counting: BlobCache = packingBy(real, async (produce) => {
    const layer = await real.pack(produce);
    compressed.push(layer.diffId);
    return layer;
  });
  const inputs = await inputsNow();
  const launchCache = await openVolumeCache(join(root, "launch-cache"), ctx);
  await exportImage(inputs, { images: store, sink: store, blobs: counting, cache, launchCache, ctx });
  return [...compressed];
}

async function inputsNow(): Promise<ExportInputs> {
  const inputs = exportInputs(root, {
    metadata: metadataWith([], ""),
    app: { path: join(root, "app"), name: "/workspace" },
    outputImages: [name("one"), name("two")],
    runImage: name("run"),
    runImageForExport: { image: name("run").original, mirrors: [] },
  });
  const before = await store.resolve(name("one"));
  const label = (await before?.config())?.value.config?.Labels?.["io.buildpacks.lifecycle.metadata"];
  if (label === undefined) return inputs;
  return {
    ...inputs,
    previousImage: name("one"),
    analyzed: { ...inputs.analyzed, metadata: decodeLayersMetadata(label) },
  };
}

/** Digests of the layers that came to the registry, as often as they did. */
function sent(): readonly string[] {
  return registry.seen
    .filter(({ method, url }) => method === "PUT" && url.includes("/blobs/uploads/"))
    .map(({ url }) => new URL(url, "http://localhost").searchParams.get("digest") ?? "");
}

test.each(Object.keys(caches))("with %s, no layer is compressed twice, in this build or a later one", async (kind) => {
  const open = (): Promise<LayerCache | undefined> => caches[kind]?.() ?? Promise.resolve(undefined);
  const first = await build(await open());
  expect(first.length).toBeGreaterThan(3);
  expect(new Set(first).size).toBe(first.length);

  expect(await build(await open())).toEqual([]);

  write("app/main", "another app");
  const third = await build(await open());
  expect(third).toHaveLength(1);
  expect(first).not.toContain(third[0]);

  // Another machine, which has nothing but what the registry, and the cache, tell.
  expect(await build(await open(), "other-blobs")).toEqual([]);
});

test.each(Object.keys(caches))("with %s, no layer is sent twice: other repositories mount it", async (kind) => {
  const open = (): Promise<LayerCache | undefined> => caches[kind]?.() ?? Promise.resolve(undefined);
  await build(await open());
  const image = await store.resolve(name("one"));
  const layers = ((await image?.manifest())?.value.layers ?? []).map(({ digest }) => digest);
  expect(layers.length).toBeGreaterThan(3);
  // The first is the run image's, which was there before.
  for (const digest of layers) expect([digest, sent().filter((each) => each === digest).length]).toEqual([digest, 1]);
});
