import type { LayerCache } from "../../cache/cache.ts";
import { copying } from "../../cache/copying.ts";
import { hashFirst, hashOnly, knownLayer, type Produce } from "../../layers/hash-first.ts";
import type { KnownTrees } from "../../layers/known-trees.ts";
import { writeDirectory } from "../../layers/pack-directory.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { ExpectedLayers } from "./expected-layers.ts";

/** Packs directories, each once however often it is asked for: a layer may be for launch and for the cache. */
export interface Packer {
  /** `cached`: the cache will be asked to keep the layer, too. */
  directory(place: Place, cached?: boolean): Promise<Layer>;
  /** A layer that nobody but a cache gets: it is compressed only if the cache keeps it so. */
  forCache(place: Place): Promise<Layer>;
}

/** What packing works with. */
export interface PackerPorts {
  readonly owner: Owner;
  readonly blobs: BlobCache;
  /** The same, where layers of the image are packed that nothing expects. */
  readonly newBlobs: BlobCache;
  readonly signal: AbortSignal;
  readonly expected: ExpectedLayers;
  /** What keeps layers as plain tars gets them while they are packed. */
  readonly cache?: LayerCache | undefined;
  /** Directories of which that is known without reading them. */
  readonly known?: KnownTrees | undefined;
}

/** A packer that keeps what it packs in `blobs`. */
export function packer(ports: PackerPorts): Packer {
  const { blobs, newBlobs, expected, known } = ports;
  const packed = new Map<string, Promise<Layer>>();
  const packOnce = async (place: Place, packing: Packing): Promise<Layer> => {
    const diffId = await known?.find(place, (recorded) => expected.all.has(recorded), ports.signal);
    if (diffId !== undefined) return unread(diffId, place, packing.whenAsked(diffId), ports);
    return pack(place, known?.isAnother(place) === true ? packing.changed : packing.usual, ports);
  };
  const packInto = (packing: Packing) => (place: Place) => {
    const before = packed.get(place.path);
    if (before !== undefined) return before;
    const layer = packOnce(place, packing);
    packed.set(place.path, layer);
    return layer;
  };
  const [withCopy, expectedWithCopy] = [copying(newBlobs, ports.cache), copying(blobs, ports.cache)];
  // A cache that has the layer would throw its copy away.
  const lackedCopy = (diffId: DiffId): BlobCache => (expected.cached.has(diffId) ? blobs : expectedWithCopy);
  const toImage = packInto({
    usual: hashFirst(newBlobs, expected.all, () => blobs),
    changed: newBlobs,
    whenAsked: () => blobs,
  });
  const toBoth = packInto({
    usual: hashFirst(withCopy, expected.all, lackedCopy),
    changed: withCopy,
    whenAsked: lackedCopy,
  });
  const onlyHashed = hashOnly(blobs);
  return {
    directory: (place, cached = false) => (cached ? toBoth(place) : toImage(place)),
    forCache: packInto({ usual: onlyHashed, changed: onlyHashed, whenAsked: () => blobs }),
  };
}

/** Where directories are packed into. */
interface Packing {
  readonly usual: BlobCache;
  /** For one that certainly is none of the expected layers: one pass does all. */
  readonly changed: BlobCache;
  /** For one that was not read, should its blob be needed. */
  readonly whenAsked: (diffId: DiffId) => BlobCache;
}

async function pack(place: Place, target: BlobCache, { owner, signal, known }: PackerPorts): Promise<Layer> {
  if (known === undefined) return target.pack((sink) => writeDirectory(place, { owner, signal }, sink));
  // A tar may be written twice, hashed first and then compressed; the layer is what was written last.
  let remember: ((diffId: DiffId) => void) | undefined;
  const layer = await target.pack(async (sink) => void (remember = await known.write(place, sink, signal)));
  remember?.(layer.diffId);
  return layer;
}

/** A directory that nobody touched: it is read only if somebody lacks the layer, and then it has to be that layer. */
function unread(diffId: DiffId, place: Place, target: BlobCache, { owner, signal }: PackerPorts): Layer {
  const produce: Produce = (sink) => writeDirectory(place, { owner, signal }, sink);
  return knownLayer(diffId, produce, target);
}
