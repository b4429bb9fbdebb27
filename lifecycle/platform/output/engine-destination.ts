import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import { partsOf } from "../../oci/mutate.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { engineStore } from "../../stores/engine/engine-store.ts";
import type { ImageSink, ImageSource } from "../../stores/store.ts";
import type { Destination } from "../build/destination.ts";
import { openEngine } from "../engine/open-engine.ts";
import { privateDirectory } from "../places.ts";
import type { Tools } from "../tools.ts";

/**
 * Works with a container engine as the place where the image goes, and where the last one is. What
 * the engine saves for that is removed at the end. Throws what `openEngine` and the work throw.
 */
export async function withEngineDestination<T>(
  { machine, places, ctx, ...tools }: Tools,
  work: (destination: Destination) => Promise<T>,
): Promise<T> {
  const opened = await openEngine(machine.env, ctx.signal);
  const builds = await privateDirectory(places.builds);
  let saved: string | undefined;
  const directory = (): string => (saved ??= mkdtempSync(join(builds, "saved-")));
  try {
    const blobs = await tools.blobs();
    const store = engineStore({ engine: opened.connection, directory, compressIn: blobs });
    const sink = withKnownSizes(store, blobs);
    return await work({ name: opened.name, sink, source: knownLayers(store, blobs), access: undefined });
  } finally {
    if (saved !== undefined) await rm(saved, { recursive: true, force: true });
    await opened.close();
  }
}

/**
 * An engine gives a layer only by saving the whole image. Layers that were made here are in the
 * blob cache, by the name that the engine knows them by.
 */
function knownLayers(store: ImageSource, blobs: BlobCache): ImageSource {
  return {
    resolve: async (ref, options) => {
      const image = await store.resolve(ref, options);
      return image === undefined ? undefined : withKnownLayers(image, blobs);
    },
  };
}

/** An engine tells no size of a layer that it had. */
function withKnownSizes(store: ImageSink, blobs: BlobCache): ImageSink {
  return {
    write: async (image, refs, options) => {
      const report = await store.write(image, refs, options);
      const layers = report.layers.map(async (layer) => {
        const known = layer.size === 0 ? await blobs.layer(layer.digest as string as DiffId) : undefined;
        return known === undefined ? layer : { ...layer, size: (await known.descriptor()).size };
      });
      return { ...report, layers: await Promise.all(layers) };
    },
  };
}

async function withKnownLayers(image: Image, blobs: BlobCache): Promise<Image> {
  const { engineId } = image;
  const parts = await partsOf(image);
  const layers = parts.layers.map((layer) => knownLayer(layer, blobs));
  const known = imageFromParts({ ...parts, layers });
  // The config is the engine's, byte for byte: nothing about the image is new.
  const config = (): ReturnType<Image["config"]> => image.config();
  return { ...known, config, ...(engineId === undefined ? {} : { engineId }) };
}

function knownLayer(layer: Layer, blobs: BlobCache): Layer {
  let found: Promise<Layer> | undefined;
  const best = (): Promise<Layer> => (found ??= blobs.layer(layer.diffId).then((known) => known ?? layer));
  return {
    diffId: layer.diffId,
    descriptor: async () => (await best()).descriptor(),
    compressed: () => streamOf(async () => (await best()).compressed()),
    uncompressed: () => streamOf(async () => (await best()).uncompressed()),
    blobFile: async () => (await best()).blobFile?.(),
  };
}

async function* streamOf(open: () => Promise<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await open();
}
