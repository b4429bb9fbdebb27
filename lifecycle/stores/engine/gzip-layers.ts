import type { DiffId } from "../../oci/digest.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import { dockerTypes } from "../../oci/media-type.ts";
import type { BlobCache } from "../blob-cache.ts";

/**
 * Views of an image's layers whose blobs are gzips. A plain tar is compressed into `blobs` when its
 * blob is asked for first, unless it is there already; a layer that occurs twice is made once.
 */
export function gzipLayers(layers: readonly Layer[], blobs: BlobCache): readonly Layer[] {
  const views = new Map<DiffId, Layer>();
  return layers.map((layer) => {
    const view = views.get(layer.diffId) ?? gzipLayer(layer, blobs);
    views.set(layer.diffId, view);
    return view;
  });
}

function gzipLayer(plain: Layer, blobs: BlobCache): Layer {
  let made: Promise<Layer> | undefined;
  const layer = (): Promise<Layer> => (made ??= compressed(plain, blobs));
  return {
    diffId: plain.diffId,
    descriptor: async () => ({ ...(await (await layer()).descriptor()), mediaType: dockerTypes.layerGzip }),
    compressed: () => streamOf(async () => (await layer()).compressed()),
    uncompressed: () => plain.uncompressed(),
    blobFile: async () => (await layer()).blobFile?.(),
  };
}

async function compressed(plain: Layer, blobs: BlobCache): Promise<Layer> {
  const { mediaType } = await plain.descriptor();
  if (mediaType !== dockerTypes.layerTar) return plain;
  const known = await blobs.layer(plain.diffId);
  if (known !== undefined) return known;
  // Plain tars of an engine were checked against their DiffIDs when it saved them.
  return blobs.pack(async (sink) => {
    for await (const chunk of plain.uncompressed()) await sink.write(chunk);
  });
}

async function* streamOf(open: () => Promise<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await open();
}
