import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { blobLayer } from "../../oci/blob-layer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, type DiffId, hex, parseDigest } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { BlobCache, ByteSink } from "../blob-cache.ts";
import { verified } from "../verified.ts";

const bufferSize = 1024 * 1024;

/**
 * Layers as plain tars in a private directory, for a destination on this machine that would
 * unpack them anyway: a container engine. Nothing is compressed. Throws what the file system throws.
 */
export function plainBlobs(directory: string): BlobCache {
  const layers = new Map<DiffId, Layer>();
  const files = new Map<Digest, string>();
  const keep = (path: string, descriptor: Descriptor, diffId: DiffId): Layer => {
    const read = () => createReadStream(path, { highWaterMark: bufferSize });
    const layer = blobLayer({ descriptor, diffId, open: read, blobFile: () => Promise.resolve(path) });
    layers.set(diffId, layer);
    files.set(descriptor.digest, path);
    return layer;
  };
  return {
    pack: async (produce) => {
      const path = join(directory, `packing-${randomBytes(6).toString("hex")}`);
      const { digest, size } = await writeHashed(path, produce);
      const kept = join(directory, hex(digest));
      await rename(path, kept);
      return keep(kept, { mediaType: ociTypes.layerTar, digest, size }, digest as string as DiffId);
    },
    layer: (diffId) => Promise.resolve(layers.get(diffId)),
    file: (digest) => Promise.resolve(files.get(digest)),
    put: async (descriptor, blob, diffId) => {
      const known = files.get(descriptor.digest);
      if (known !== undefined) return known;
      const path = join(directory, hex(descriptor.digest));
      await writeHashed(path, async (sink) => {
        for await (const chunk of verified(blob, descriptor, "the image")) await sink.write(chunk);
      });
      files.set(descriptor.digest, path);
      if (diffId !== undefined) keep(path, descriptor, diffId);
      return path;
    },
  };
}

/** Writes a file through one buffer, as tars come in many small pieces. Leaves nothing half-written. */
async function writeHashed(
  path: string,
  produce: (sink: ByteSink) => Promise<void>,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(bufferSize);
  let filled = 0;
  let size = 0;
  const store = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    size += bytes.length;
    await file.writeFile(bytes);
  };
  const flush = async (): Promise<void> => {
    const bytes = buffer.subarray(0, filled);
    filled = 0;
    await store(bytes);
  };
  const add = async (bytes: Uint8Array): Promise<void> => {
    await flush();
    if (bytes.length >= bufferSize) await store(bytes);
    else {
      buffer.set(bytes);
      filled = bytes.length;
    }
  };
  try {
    await produce({
      write: (bytes) => {
        if (filled + bytes.length > bufferSize) return add(bytes);
        buffer.set(bytes, filled);
        filled += bytes.length;
        return undefined;
      },
    });
    await flush();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), size };
}
