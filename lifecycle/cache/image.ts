import { decodeCacheMetadata, encodeCacheMetadata } from "../cnb/files/lifecycle-metadata.ts";
import type { CacheMetadata } from "../cnb/files/lifecycle-metadata.ts";
import type { Context } from "../context.ts";
import { TspackError } from "../errors.ts";
import type { DiffId } from "../oci/digest.ts";
import type { Image } from "../oci/image.ts";
import type { Layer } from "../oci/layer.ts";
import { imageFromParts, memoryLayer } from "../oci/memory-image.ts";
import { type ImageRef, withDigest } from "../oci/reference.ts";
import type { ImageDeleter, ImageSink, ImageSource } from "../stores/store.ts";
import type { LayerCache } from "./cache.ts";
import { cacheMetadataName } from "./volume.ts";

/** The time in a cache image, as in an app image: it must not depend on when it was made. */
const created = "1980-01-01T00:00:01Z";

/** What a cache image works with. */
export interface ImageCachePorts {
  readonly images: ImageSource;
  readonly sink: ImageSink;
  /** Removes the last build's cache image once another one is in its place; absent: it stays. Below Platform API 0.13. */
  readonly deleter?: ImageDeleter | undefined;
  readonly ctx: Context;
}

/**
 * A cache in an image: a layer per cached layer, and the metadata as a label. Layers that are
 * there already are named again, not sent again.
 */
export async function openImageCache(ref: ImageRef, ports: ImageCachePorts): Promise<LayerCache> {
  const original = await openOriginal(ref, ports);
  const layers = new Map<DiffId, Layer>();
  for (const layer of (await original?.layers()) ?? []) layers.set(layer.diffId, layer);
  const staged = new Map<DiffId, Layer>();
  return {
    name: ref.original,
    metadata: async () => readMetadata(original, ref, ports.ctx),
    lookup: (id) => {
      const layer = layers.get(id);
      return Promise.resolve(layer === undefined ? { kind: "miss" } : { kind: "hit", layer });
    },
    stage: (layer) => {
      staged.set(layer.diffId, layers.get(layer.diffId) ?? layer);
      return Promise.resolve();
    },
    commit: async (metadata) => {
      const image = cacheImage([...staged.values()], metadata);
      const { digest } = await ports.sink.write(image, [ref], { ctx: ports.ctx });
      await removeOriginal(original, ref, digest, ports);
    },
  };
}

/** A cache image that is damaged, or lacks its config, is as good as none: a build has to go on without a cache. */
async function openOriginal(ref: ImageRef, { images, ctx }: ImageCachePorts): Promise<Image | undefined> {
  try {
    const image = await images.resolve(ref);
    await image?.layers();
    return image;
  } catch (error) {
    if (!(error instanceof TspackError) || !damage.has(error.code)) throw error;
    ctx.logger.warn(`Ignoring cache image "${ref.original}" because it was corrupt: ${error.message}`);
    return undefined;
  }
}

const damage: ReadonlySet<string> = new Set([
  "INVALID_IMAGE",
  "INVALID_JSON",
  "DIGEST_MISMATCH",
  "NOT_FOUND",
  "IMAGE_NOT_FOUND",
]);

function cacheImage(staged: readonly Layer[], metadata: CacheMetadata): Image {
  // A registry may refuse an image without layers, so there is an empty one.
  const layers = staged.length > 0 ? staged : [memoryLayer(new Uint8Array(1024), { compress: false })];
  const Labels = { [cacheMetadataName]: encodeCacheMetadata(metadata).trimEnd() };
  return imageFromParts({
    config: { architecture: "", os: "linux", created, history: layers.map(() => ({ created })), config: { Labels } },
    layers,
    format: "oci",
  });
}

async function readMetadata(image: Image | undefined, ref: ImageRef, ctx: Context): Promise<CacheMetadata> {
  const empty: CacheMetadata = { buildpacks: [] };
  const label = (await image?.config())?.value.config?.Labels?.[cacheMetadataName];
  if (label === undefined || label === "") return empty;
  try {
    return decodeCacheMetadata(Buffer.from(label), `label ${cacheMetadataName} of ${ref.original}`);
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    ctx.logger.warn(`Ignoring cache image "${ref.original}" because it was corrupt`);
    return empty;
  }
}

async function removeOriginal(
  original: Image | undefined,
  ref: ImageRef,
  digest: string,
  { deleter, ctx }: ImageCachePorts,
): Promise<void> {
  const before = (await original?.manifest())?.digest;
  if (deleter === undefined || before === undefined || before === digest) return;
  try {
    await deleter.delete(withDigest(ref, before));
  } catch (error) {
    // Many registries do not let anyone delete; the new cache is in place all the same.
    ctx.logger.warn(`Unable to delete cache image: ${error instanceof Error ? error.message : String(error)}`);
  }
}
