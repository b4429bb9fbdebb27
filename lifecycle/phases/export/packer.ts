import { packDirectory } from "../../layers/pack-directory.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";

/** Packs directories, each once however often it is asked for: a layer may be for launch and for the cache. */
export interface Packer {
  directory(place: Place): Promise<Layer>;
}

/** A packer that keeps what it packs in `blobs`. */
export function packer(owner: Owner, blobs: BlobCache, signal: AbortSignal): Packer {
  const packed = new Map<string, Promise<Layer>>();
  return {
    directory: (place) => {
      const before = packed.get(place.path);
      if (before !== undefined) return before;
      const layer = packDirectory(place, { owner, signal }, blobs);
      packed.set(place.path, layer);
      return layer;
    },
  };
}
