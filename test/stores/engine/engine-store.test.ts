import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { appendLayers, mutate } from "../../../lifecycle/oci/mutate.ts";
import { memoryLayer } from "../../../lifecycle/oci/memory-image.ts";
import { type ImageRef, parseReference, withDigest } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { type EngineConnection, engineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import type { BlobCache } from "../../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import { copyImage } from "../../../lifecycle/stores/copy.ts";
import { type EngineStore, engineStore } from "../../../lifecycle/stores/engine/engine-store.ts";
import { memoryStore } from "../../../lifecycle/stores/memory.ts";
import type { ImageSource } from "../../../lifecycle/stores/store.ts";
import { type FakeEngine, type FakeEngineOptions, startFakeEngine } from "../../fakes/engine.ts";
import { tarOfNoise, testImage } from "../../fakes/images.ts";

interface World {
  readonly fake: FakeEngine;
  readonly engine: EngineConnection;
  readonly store: EngineStore;
  readonly directory: string;
}

const opened: World[] = [];

async function open(options: FakeEngineOptions = {}): Promise<World> {
  const fake = await startFakeEngine(options);
  const directory = mkdtempSync(join(tmpdir(), "tspack-engine-"));
  const engine = engineConnection({ kind: "unix", path: fake.socket });
  const world = { fake, engine, store: engineStore({ engine, directory: () => directory }), directory };
  opened.push(world);
  return world;
}

afterEach(async () => {
  for (const { fake, engine, directory } of opened.splice(0)) {
    await engine.close();
    await fake.close();
    rmSync(directory, { recursive: true });
  }
});

const base = parseReference("base:v1");
const app = parseReference("example.test/app:v1");
const saves = ({ requests }: FakeEngine): number => requests.filter((line) => line.endsWith("/get")).length;

async function read(store: ImageSource, ref: ImageRef): Promise<Image> {
  const image = await store.resolve(ref);
  if (image === undefined) throw new Error(`${ref.original} is missing`);
  return image;
}

/** The image with a layer more. */
function above(image: Image, seed: number): Image {
  return mutate(image, appendLayers([{ layer: memoryLayer(tarOfNoise(4000, seed)), history: { created_by: "app" } }]));
}

describe("writing on an image that the engine has", () => {
  test("sends only what is above it, and reads no layer of it", async () => {
    const { fake, store } = await open();
    await store.write(testImage({ layers: [tarOfNoise(90_000, 1), tarOfNoise(90_000, 2)] }), [base]);
    const report = await store.write(above(await read(store, base), 3), [app], { mountFrom: [base] });
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["present", "present", "sent"]);
    expect(saves(fake)).toBe(0);
    await validate(await read(store, app));
  });

  test("sends everything when the engine lost the image meanwhile", async () => {
    let loads = 0;
    const { fake, store } = await open({
      before: (line) => {
        if (line.startsWith("POST /images/load") && (loads += 1) === 2) fake.forget("docker.io/library/base:v1");
        return undefined;
      },
    });
    const image = testImage({ layers: [tarOfNoise(9000, 1)] });
    await store.write(image, [base]);
    const report = await store.write(above(image, 3), [app], { mountFrom: [base] });
    expect(loads).toBe(3);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["sent", "sent"]);
  });

  test("sends everything to an image store that keeps blobs, and saves the base once", async () => {
    const { fake, store } = await open({ keepsContent: true });
    await store.write(testImage({ layers: [tarOfNoise(9000, 1), tarOfNoise(9000, 2)] }), [base]);
    const report = await store.write(above(await read(store, base), 3), [app], { mountFrom: [base] });
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["sent", "sent", "sent"]);
    expect(saves(fake)).toBe(1);
    // One for each image: it is not tried in vain first.
    expect(fake.requests.filter((line) => line.startsWith("POST /images/load"))).toHaveLength(2);
    expect(report.imageId).toBe((await read(store, app)).engineId);
    await validate(await read(store, app));
  });

  test("a changed layer below is sent with all above it, which the engine saves", async () => {
    const { fake, store } = await open();
    const [a, b, c] = [1, 2, 3].map((seed) => tarOfNoise(5000, seed));
    await store.write(testImage({ layers: [a, b, c] as Uint8Array[] }), [app]);
    const [, second, third] = await (await read(store, app)).layers();
    const changed = mutate(testImage({ layers: [a as Uint8Array, tarOfNoise(5000, 9)] }), (parts) => ({
      ...parts,
      layers: [...parts.layers, ...(third === undefined ? [] : [third])],
    }));
    const report = await store.write(changed, [app]);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["present", "sent", "sent"]);
    expect(saves(fake)).toBe(1);
    expect((await (await read(store, app)).layers()).map(({ diffId }) => diffId)).not.toContain(second?.diffId);
  });
});

describe("copying an image out of the engine", () => {
  test("gives plain tars, or gzips made once, where layers are kept compressed", async () => {
    const { engine, store, directory } = await open();
    const twice = tarOfNoise(40_000, 1);
    await store.write(testImage({ layers: [twice, tarOfNoise(50, 2), twice] }), [app]);
    expect(await layerTypes(store)).toEqual(["tar", "tar", "tar"]);
    let packed = 0;
    const blobs = memoryBlobCache();
    const compressIn: BlobCache = {
      pack: (produce) => ((packed += 1), blobs.pack(produce)),
      layer: (diffId) => blobs.layer(diffId),
      file: (digest) => blobs.file(digest),
      put: (descriptor, blob) => blobs.put(descriptor, blob),
    };
    const compressing = engineStore({ engine, directory: () => directory, compressIn });
    const target = memoryStore();
    await copyImage({ store: compressing, ref: app }, { store: target, refs: [app] });
    expect(await layerTypes(target)).toEqual(["tar.gzip", "tar.gzip", "tar.gzip"]);
    await validate(await read(target, app));
    expect(packed).toBe(2);
    await copyImage(
      { store: engineStore({ engine, directory: () => directory, compressIn }), ref: app },
      { store: target, refs: [base] },
    );
    expect(packed).toBe(2);
  });

  async function layerTypes(from: ImageSource): Promise<readonly string[]> {
    const { layers } = (await (await read(from, app)).manifest()).value;
    return layers.map(({ mediaType }) => mediaType.replace("application/vnd.docker.image.rootfs.diff.", ""));
  }
});

describe("finding an image", () => {
  test("by its ID, with and without the algorithm, and by what pulling calls its digest", async () => {
    const { store } = await open();
    const { digest } = await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [app]);
    for (const text of [digest, digest.slice(7)]) {
      expect((await read(store, { ...app, original: text })).engineId).toBe(digest);
    }
    expect((await read(store, withDigest(app, digest))).engineId).toBe(digest);
  });

  test("of several platforms, this machine's is read and saved; the ID is that of all", async () => {
    const { fake, store } = await open({ keepsContent: true, version: "1.49" });
    await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [app]);
    const image = await read(store, app);
    await validate(image);
    const asked = fake.requests.filter((line) => line.includes("?platform=")).map((line) => line.split("?")[0]);
    expect(asked).toEqual([
      "GET /images/example.test/app:v1/json",
      "GET /images/example.test/app:v1/history",
      `GET /images/${image.engineId}/get`,
    ]);
    expect(decodeURIComponent(fake.requests.at(-1) ?? "")).toContain('?platform={"os":"linux"');
  });

  test.each([
    { keepsContent: true, version: "1.48" },
    { keepsContent: false, version: "1.51" },
  ])("an engine that has one platform or does not know them is not asked for one: %o", async (options) => {
    const { fake, store } = await open(options);
    await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [app]);
    await validate(await read(store, app));
    expect(fake.requests.filter((line) => line.includes("platform"))).toEqual([]);
  });

  test("Docker Hub has the engine's name for it", async () => {
    const { fake, store } = await open();
    await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [base]);
    expect(fake.requests).toContain("GET /images/docker.io/library/base:v1/json");
  });

  test("config and DiffIDs cost no layer, and layers are saved once however often they are read", async () => {
    const { fake, store, directory } = await open();
    const twice = tarOfNoise(30_000, 1);
    await store.write(testImage({ layers: [twice, tarOfNoise(10, 2), twice] }), [app]);
    const image = await read(store, app);
    await image.config();
    expect(await image.layers()).toHaveLength(3);
    expect(saves(fake)).toBe(0);
    await validate(image);
    await validate(await read(store, app));
    expect(saves(fake)).toBe(1);
    expect(readdirSync(directory)).toHaveLength(1);
  });
});

describe("failures", () => {
  test("what the engine says in a line of its answer is ENGINE_ERROR", async () => {
    const body = '{"stream":"x"}\n{"errorDetail":{},"error":"no space left on device"}\n';
    const { store } = await open({
      before: (line) => (line.startsWith("POST") ? { status: 200, body } : undefined),
    });
    const write = store.write(testImage({ layers: [tarOfNoise(10, 1)] }), [app]);
    await expect(write).rejects.toMatchObject({
      code: "ENGINE_ERROR",
      message: expect.stringContaining("no space left on device") as string,
      hint: "free some space where the engine keeps its images",
    });
  });

  test("an answer of 500 is ENGINE_ERROR with the engine's words, fit for a terminal", async () => {
    const { store } = await open({ before: () => ({ status: 500, body: '{"message":"broken \\u001b[31m"}' }) });
    await expect(store.resolve(app)).rejects.toMatchObject({
      code: "ENGINE_ERROR",
      message: "the container engine answered 500: broken  [31m",
      remote: { status: 500, method: "GET" },
    });
  });

  test("a save that is stopped is CANCELED", async () => {
    const stop = new AbortController();
    const { fake, store, directory } = await open();
    await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [app]);
    const engine = engineConnection({ kind: "unix", path: fake.socket }, stop.signal);
    const [layer] = await (await read(engineStore({ engine, directory: () => directory }), app)).layers();
    stop.abort();
    await expect(layer?.descriptor()).rejects.toMatchObject({ code: "CANCELED" });
    await engine.close();
  });

  test("an engine that fails at telling a history is asked as Podman, and repeats itself when it is none", async () => {
    let lines: readonly object[] | undefined = [{ created_by: "no time" }];
    const { store, fake } = await open({
      before: (line) => {
        if (line.endsWith("/history")) return { status: 500, body: '{"message":"nil pointer"}' };
        const own = { status: 200, body: JSON.stringify({ Created: null, History: lines }) };
        return line.includes("/libpod/") ? own : undefined;
      },
    });
    await store.write(testImage({ layers: [tarOfNoise(100, 1)] }), [app]);
    expect((await (await read(store, app)).config()).value.history).toEqual(lines);
    lines = undefined;
    await expect(store.resolve(app)).rejects.toMatchObject({ code: "ENGINE_ERROR", remote: { status: 500 } });
    expect(fake.requests).toContain("GET /v4.0.0/libpod/images/example.test/app:v1/json");
  });

  test("no engine is ENGINE_UNREACHABLE, and the hint says what to do", async () => {
    const engine = engineConnection({ kind: "unix", path: "/nowhere/docker.sock" });
    await expect(engineStore({ engine, directory: () => "/nowhere" }).resolve(app)).rejects.toMatchObject({
      code: "ENGINE_UNREACHABLE",
      hint: "start Docker or Podman, or set DOCKER_HOST to its socket",
    });
  });
});
