import type { CacheMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { noise, testImage } from "../fakes/images.ts";

export const context: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

/** Every set has one layer of all sets, and others that only every seventh set has. */
export const tarOfSet = (set: number): Uint8Array => noise(50_000, 100 + (set % 7));

export const layersOf = (set: number): readonly Layer[] =>
  [noise(50_000, 1), tarOfSet(set), noise(20_000, 200 + (set % 7))].map((tar) => memoryLayer(tar, { compress: false }));

export function cacheMetadataOf(set: number): CacheMetadata {
  const layers = layersOf(set).map(({ diffId }, index) => {
    const layer = { sha: diffId, data: undefined, build: true, launch: false, cache: true };
    return [`l${index}`, layer] as const;
  });
  return { buildpacks: [{ key: "a/b", version: String(set % 7), layers: Object.fromEntries(layers) }] };
}

export const imageOf = (set: number): Image =>
  testImage({ layers: [noise(50_000, 1), tarOfSet(set)], labels: { set: String(set) } });
