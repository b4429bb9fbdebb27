import { gzipSync } from "node:zlib";
import { blobLayer } from "./blob-layer.ts";
import { type DiffId, digestOf } from "./digest.ts";
import type { Image } from "./image.ts";
import { encodeConfig, type ImageConfig } from "./image-config.ts";
import type { Layer } from "./layer.ts";
import { encodeManifest } from "./manifest.ts";
import { configTypeFor, layerTypeFor, type ManifestFormat, manifestTypeFor, ociTypes } from "./media-type.ts";

/** What an image is made of; `rootfs.diff_ids` follows from the layers. */
export interface ImageParts {
  readonly config: Omit<ImageConfig, "rootfs">;
  /** Base layer first. */
  readonly layers: readonly Layer[];
  readonly format: ManifestFormat;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An image of these parts. Its manifest, and with it the compression of new layers, is made when asked for. */
export function imageFromParts(parts: ImageParts): Image {
  const config = once(() => {
    const rootfs = { type: "layers" as const, diff_ids: parts.layers.map((layer) => layer.diffId) };
    return Promise.resolve(encodeConfig({ ...parts.config, rootfs }));
  });
  const layers = parts.layers.map((layer) => typedLayer(layer, parts.format));
  const manifest = once(async () => {
    const { bytes, digest } = await config();
    const descriptors = await Promise.all(layers.map((layer) => layer.descriptor()));
    return encodeManifest({
      schemaVersion: 2,
      mediaType: manifestTypeFor(parts.format),
      config: { mediaType: configTypeFor(parts.format), size: bytes.length, digest },
      layers: descriptors,
      ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
    });
  });
  return { manifest, config, layers: () => Promise.resolve(layers), parts: () => Promise.resolve(parts) };
}

/** The layer with the media type's name in this family of manifests. */
function typedLayer(layer: Layer, format: ManifestFormat): Layer {
  const blobFile = layer.blobFile?.bind(layer);
  return {
    diffId: layer.diffId,
    descriptor: async () => {
      const descriptor = await layer.descriptor();
      return { ...descriptor, mediaType: layerTypeFor(descriptor.mediaType, format) };
    },
    compressed: () => layer.compressed(),
    uncompressed: () => layer.uncompressed(),
    ...(blobFile === undefined ? {} : { blobFile }),
  };
}

/** A layer of a tar in memory: for tests, and for the one empty layer of an empty cache image. */
export function memoryLayer(tar: Uint8Array, options: { readonly compress?: boolean } = {}): Layer {
  const blob = options.compress === false ? tar : gzipSync(tar);
  return blobLayer({
    descriptor: { mediaType: ociTypes.layerGzip, size: blob.length, digest: digestOf(blob) },
    diffId: digestOf(tar) as string as DiffId,
    open: () => chunks(blob),
  });
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const size = 64 * 1024;
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
