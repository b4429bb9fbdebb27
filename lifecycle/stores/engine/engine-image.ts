import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import { encodeManifest } from "../../oci/manifest.ts";
import { dockerTypes } from "../../oci/media-type.ts";
import type { InspectedImage } from "./inspect.ts";

/**
 * A view of an image in an engine. Config and DiffIDs are known; the first layer that is read
 * makes the engine save them all, which `saved` does at most once.
 */
export function engineImage({ id, config, diffIds }: InspectedImage, saved: () => Promise<readonly Layer[]>): Image {
  const layers = diffIds.map((diffId, index): Layer => {
    const layer = async (): Promise<Layer> => (await saved())[index] as Layer;
    return {
      diffId,
      descriptor: async () => (await layer()).descriptor(),
      compressed: () => streamOf(async () => (await layer()).compressed()),
      uncompressed: () => streamOf(async () => (await layer()).uncompressed()),
      blobFile: async () => (await layer()).blobFile?.(),
    };
  });
  const descriptors = (): Promise<readonly Descriptor[]> => Promise.all(layers.map((layer) => layer.descriptor()));
  return {
    engineId: id,
    manifest: async () =>
      encodeManifest({
        schemaVersion: 2,
        mediaType: dockerTypes.manifest,
        config: { mediaType: dockerTypes.config, size: config.bytes.length, digest: config.digest },
        layers: await descriptors(),
      }),
    config: () => Promise.resolve(config),
    layers: () => Promise.resolve(layers),
    parts: () => Promise.resolve({ config: config.value, layers, format: "docker" }),
  };
}

async function* streamOf(open: () => Promise<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await open();
}
