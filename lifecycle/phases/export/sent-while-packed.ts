import { packingBy } from "../../layers/hash-first.ts";
import type { BlobCache, GrowingBlob } from "../../stores/blob-cache.ts";
import type { LayerStream } from "../../stores/store.ts";

/** Smaller blobs are sent when they are whole: that takes fewer requests, and not long. In bytes. */
const streamedFrom = 8 * 1024 * 1024;

/**
 * A view of a blob cache whose blobs are on their way while they are packed: the upload of a large
 * layer would otherwise begin when nothing else is left to do.
 */
export function sentWhilePacked(blobs: BlobCache, begin: (blob: GrowingBlob) => LayerStream | undefined): BlobCache {
  return packingBy(blobs, async (produce) => {
    let stream: LayerStream | undefined;
    const grows = (blob: GrowingBlob): void => void (stream = begin(blob));
    try {
      const layer = await blobs.pack(produce, { from: streamedFrom, grows });
      await stream?.end(layer);
      return layer;
    } catch (error) {
      await stream?.drop();
      throw error;
    }
  });
}
