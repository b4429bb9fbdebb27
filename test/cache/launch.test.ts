import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLaunchCache } from "../../lifecycle/cache/launch.ts";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import type { ImageSource } from "../../lifecycle/stores/store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";

const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-launch-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const whole = testImage({ layers: [tarOfNoise(100, 1), tarOfNoise(100, 2)] });
const ref = parseReference("app");

/** The image, in a store that counts how often a layer is read. */
function counting(image: Image, read: () => void): ImageSource {
  const layers = async () =>
    (await image.layers()).map((layer) => ({
      ...layer,
      descriptor: () => (read(), layer.descriptor()),
      uncompressed: () => (read(), layer.uncompressed()),
    }));
  return {
    resolve: () =>
      Promise.resolve({ ...image, layers, parts: async () => ({ ...(await image.parts!()), layers: await layers() }) }),
  };
}

async function filledCache() {
  const cache = await openVolumeCache(directory, ctx);
  for (const layer of await whole.layers()) await cache.stage(layer);
  await cache.commit({ buildpacks: [] });
  return openVolumeCache(directory, ctx);
}

test("layers that the cache has are not read from the store, by themselves or in an image made of it", async () => {
  let reads = 0;
  const images = withLaunchCache(
    counting(whole, () => (reads += 1)),
    await filledCache(),
  );
  const image = (await images.resolve(ref)) as Image;
  for (const layer of await image.layers()) for await (const _ of layer.uncompressed()) void _;
  for (const layer of await mutate(image, setLabels({ a: "b" })).layers()) await layer.descriptor();
  expect(reads).toBe(0);
});

test("a layer that is damaged in the cache or not there comes from the store", async () => {
  let reads = 0;
  const cache = await filledCache();
  const [first] = await whole.layers();
  writeFileSync(join(directory, "committed", `${first?.diffId}.tar`), "damaged");
  const images = withLaunchCache(
    counting(whole, () => (reads += 1)),
    cache,
  );
  const [layer] = (await (await images.resolve(ref))?.layers()) ?? [];
  await layer?.descriptor();
  expect(reads).toBe(1);
  await validate(mutate((await images.resolve(ref)) as Image, setLabels({ a: "b" })));
});

test("an image that is not there stays so", async () => {
  const images = withLaunchCache({ resolve: () => Promise.resolve(undefined) }, await filledCache());
  expect(await images.resolve(ref)).toBeUndefined();
});
