import { createHash } from "node:crypto";
import { TspackError } from "../errors.ts";
import { parseDiffId, type DiffId } from "../oci/digest.ts";
import type { ByteStream, Layer } from "../oci/layer.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { produced } from "./produced.ts";

/** Writes a tar, the same one each time. */
export type Produce = Parameters<BlobCache["pack"]>[0];

/**
 * A view of a blob cache for a build that expects to meet layers again. Hashing a tar takes a
 * small part of the time of compressing it, so what is packed is hashed first, and when some
 * layer in `expected` has that DiffID it is compressed only if somebody asks for its blob:
 * mostly nobody does, since the previous image or this cache has it. The tar is produced a
 * second time when it is new. Nothing is taken on trust: every byte was read and hashed.
 * `blobsOf`: where an expected layer is packed when its blob is needed; `blobs` when absent.
 */
export function hashFirst(
  blobs: BlobCache,
  expected: ReadonlySet<string>,
  blobsOf: (diffId: DiffId) => BlobCache = () => blobs,
): BlobCache {
  if (expected.size === 0) return blobs;
  return packingBy(blobs, async (produce) => {
    const diffId = await diffIdOf(produce);
    return expected.has(diffId) ? knownLayer(diffId, produce, blobsOf(diffId)) : blobs.pack(produce);
  });
}

/**
 * A view of a blob cache for layers whose blobs mostly nobody asks for: those that go into a cache
 * of plain tars. They are hashed, and produced again for who reads them; nothing is written here
 * before somebody wants the blob.
 */
export function hashOnly(blobs: BlobCache): BlobCache {
  return packingBy(blobs, async (produce) => knownLayer(await diffIdOf(produce), produce, blobs));
}

/** A view of a blob cache with another way to pack. */
export function packingBy(blobs: BlobCache, pack: BlobCache["pack"]): BlobCache {
  return {
    pack,
    layer: (diffId, compression) => blobs.layer(diffId, compression),
    file: (digest) => blobs.file(digest),
    put: (descriptor, blob, diffId) => blobs.put(descriptor, blob, diffId),
  };
}

/** How much is hashed at a time: each call costs as much as some hundred bytes. */
const hashedAtOnce = 256 * 1024;

/** The DiffID of the tar that `produce` writes, which is kept nowhere. */
async function diffIdOf(produce: Produce): Promise<DiffId> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(hashedAtOnce);
  let filled = 0;
  const flush = (): void => {
    hash.update(buffer.subarray(0, filled));
    filled = 0;
  };
  await produce({
    write: (bytes) => {
      if (filled + bytes.length > hashedAtOnce) flush();
      if (bytes.length >= hashedAtOnce) hash.update(bytes);
      else {
        buffer.set(bytes, filled);
        filled += bytes.length;
      }
      return undefined;
    },
  });
  flush();
  return parseDiffId(`sha256:${hash.digest("hex")}`);
}

/**
 * A layer whose blob is looked up, or made, when it is needed. Reading it throws `EXPORT_FAILED`
 * when what `produce` writes has another DiffID.
 */
export function knownLayer(diffId: DiffId, produce: Produce, blobs: BlobCache): Layer {
  let made: Promise<Layer> | undefined;
  const layer = (): Promise<Layer> => (made ??= find(diffId, produce, blobs));
  return {
    diffId,
    descriptor: async () => (await layer()).descriptor(),
    compressed: () => streamOf(async () => (await layer()).compressed()),
    uncompressed: () => (made === undefined ? produced(produce) : streamOf(async () => (await layer()).uncompressed())),
    blobFile: async () => (await layer()).blobFile?.(),
  };
}

async function find(diffId: DiffId, produce: Produce, blobs: BlobCache): Promise<Layer> {
  const kept = await blobs.layer(diffId);
  if (kept !== undefined) return kept;
  const packed = await blobs.pack(produce);
  if (packed.diffId === diffId) return packed;
  throw new TspackError("EXPORT_FAILED", `a layer changed while it was read: it was ${diffId}, then ${packed.diffId}`, {
    hint: "something still writes to it; build again when that has ended",
  });
}

async function* streamOf(open: () => Promise<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await open();
}
