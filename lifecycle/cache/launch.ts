import type { DiffId } from "../oci/digest.ts";
import type { Image } from "../oci/image.ts";
import type { ByteStream, Layer } from "../oci/layer.ts";
import type { ImageSource } from "../stores/store.ts";
import type { LayerCache } from "./cache.ts";

/**
 * Images whose layers are read from the launch cache where it has them: a container engine would
 * have to save a whole image to give one layer. Platform specification, exporter, "launch cache".
 */
export function withLaunchCache(images: ImageSource, cache: LayerCache): ImageSource {
  return {
    resolve: async (ref, options) => {
      const image = await images.resolve(ref, options);
      return image === undefined ? undefined : cachedImage(image, cache);
    },
  };
}

function cachedImage(image: Image, cache: LayerCache): Image {
  const layers = async (): Promise<readonly Layer[]> =>
    (await image.layers()).map((layer) => cachedLayer(layer, cache));
  const parts = image.parts?.bind(image);
  return {
    manifest: () => image.manifest(),
    config: () => image.config(),
    layers,
    ...(image.engineId === undefined ? {} : { engineId: image.engineId }),
    ...(parts === undefined ? {} : { parts: async () => ({ ...(await parts()), layers: await layers() }) }),
  };
}

/** A layer that looks into the cache when it is read first, and not before. */
function cachedLayer(layer: Layer, cache: LayerCache): Layer {
  let found: Promise<Layer> | undefined;
  const look = (): Promise<Layer> => (found ??= fromCache(cache, layer.diffId).then((cached) => cached ?? layer));
  return {
    diffId: layer.diffId,
    descriptor: async () => (await look()).descriptor(),
    compressed: () => streamOf(async () => (await look()).compressed()),
    uncompressed: () => streamOf(async () => (await look()).uncompressed()),
    blobFile: async () => (await look()).blobFile?.(),
  };
}

async function fromCache(cache: LayerCache, diffId: DiffId): Promise<Layer | undefined> {
  const found = await cache.lookup(diffId);
  return found.kind === "hit" ? found.layer : undefined;
}

async function* streamOf(open: () => Promise<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await open();
}
