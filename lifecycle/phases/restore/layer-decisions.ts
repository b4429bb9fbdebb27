import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { BuildpackLayerMetadata, BuildpackLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";

/** Whether the metadata file of a layer comes back, from where, and why not. */
export type LayerDecision = {
  readonly name: string;
  readonly layer: BuildpackLayerMetadata;
} & (
  | { readonly kind: "restore"; readonly from: "previous-image" | "cache" }
  | { readonly kind: "skip"; readonly reason: string }
);

/**
 * What comes back of one buildpack's layers, those of the previous image first. A file is only
 * written when the buildpack could use the layer: one whose content it needs, and does not get,
 * would look as if it were there. Buildpack specification, "Layer types".
 */
export function decideLayers(
  image: BuildpackLayersMetadata["layers"],
  cache: BuildpackLayersMetadata["layers"],
  features: PlatformFeatures,
): readonly LayerDecision[] {
  return [
    ...sorted(image).map(([name, layer]) => fromImage(name, layer, cache[name])),
    ...sorted(cache).map(([name, layer]) => fromCache(name, layer, image[name], features)),
  ];
}

function fromImage(
  name: string,
  layer: BuildpackLayerMetadata,
  cached: BuildpackLayerMetadata | undefined,
): LayerDecision {
  const skip = (reason: string): LayerDecision => ({ name, layer, kind: "skip", reason });
  if (!layer.launch) return skip("marked as launch=false");
  if (layer.build && !layer.cache) return skip("marked as build=true, cache=false");
  if (layer.cache && cached?.cache !== true) return skip("marked as cache=true, but not found in cache");
  return { name, layer, kind: "restore", from: "previous-image" };
}

function fromCache(
  name: string,
  layer: BuildpackLayerMetadata,
  inImage: BuildpackLayerMetadata | undefined,
  features: PlatformFeatures,
): LayerDecision {
  if (!layer.cache) return { name, layer, kind: "skip", reason: "marked as cache=false" };
  if (layer.launch && (inImage !== undefined || !features.restoreFromCacheAlone)) {
    return { name, layer, kind: "skip", reason: "marked as launch=true" };
  }
  return { name, layer, kind: "restore", from: "cache" };
}

function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
