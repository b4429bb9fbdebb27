import { hashOnly } from "../../layers/hash-first.ts";
import { packDirectory } from "../../layers/pack-directory.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";

/** Packs directories, each once however often it is asked for: a layer may be for launch and for the cache. */
export interface Packer {
  directory(place: Place): Promise<Layer>;
  /** A layer that nobody but a cache gets: it is compressed only if the cache keeps it so. */
  forCache(place: Place): Promise<Layer>;
}

/** A packer that keeps what it packs in `blobs`. */
export function packer(owner: Owner, blobs: BlobCache, signal: AbortSignal): Packer {
  const packed = new Map<string, Promise<Layer>>();
  const packInto = (target: BlobCache) => (place: Place) => {
    const before = packed.get(place.path);
    if (before !== undefined) return before;
    const layer = packDirectory(place, { owner, signal }, target);
    packed.set(place.path, layer);
    return layer;
  };
  return { directory: packInto(blobs), forCache: packInto(hashOnly(blobs)) };
}
