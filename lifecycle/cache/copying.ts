import { packingBy } from "../layers/hash-first.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import type { LayerCache, LayerCopy } from "./cache.ts";

/**
 * A view of a blob cache that gives a cache of plain tars its copy of each tar while that is
 * packed: unpacking the blob again takes longer than all the rest of caching.
 */
export function copying(blobs: BlobCache, cache: LayerCache | undefined): BlobCache {
  if (cache?.copy === undefined) return blobs;
  return packingBy(blobs, async (produce) => {
    const copy = await cache.copy?.();
    if (copy === undefined) return blobs.pack(produce);
    try {
      const layer = await blobs.pack((sink) => produce({ write: (bytes) => both(sink.write(bytes), copy, bytes) }));
      await copy.keep(layer.diffId);
      return layer;
    } catch (error) {
      await copy.discard();
      throw error;
    }
  });
}

async function both(packed: Promise<void> | undefined, copy: LayerCopy, bytes: Uint8Array): Promise<void> {
  // The caller uses its buffer again when this is settled, so both have to have ended.
  await Promise.all([packed, copy.write(bytes)]);
}
