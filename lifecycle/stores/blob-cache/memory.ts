import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest, DiffId } from "../../oci/digest.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import type { BlobCache, ByteSink } from "../blob-cache.ts";
import { compress } from "./compress.ts";
import { plainTar, verified } from "./verify.ts";

/** A blob cache that keeps nothing on disk: for tests and for tools that work on one small image. */
export function memoryBlobCache(level?: number): BlobCache {
  return new MemoryBlobCache(level);
}

class MemoryBlobCache implements BlobCache {
  readonly #level: number | undefined;
  readonly #blobs = new Map<Digest, Buffer>();
  readonly #layers = new Map<DiffId, Layer>();

  constructor(level: number | undefined) {
    this.#level = level;
  }

  async pack(produce: (sink: ByteSink) => Promise<void>): Promise<Layer> {
    const parts: Uint8Array[] = [];
    // The gzip writer uses its memory again, so what is kept has to be a copy.
    const { diffId, descriptor } = await compress(produce, (bytes) => void parts.push(Buffer.from(bytes)), {
      level: this.#level,
    });
    return this.#keep(descriptor, diffId, Buffer.concat(parts));
  }

  layer(diffId: DiffId): Promise<Layer | undefined> {
    return Promise.resolve(this.#layers.get(diffId));
  }

  /** There are no files here. */
  file(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  async put(descriptor: Descriptor, blob: ByteStream, diffId?: DiffId): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const chunk of verified(descriptor, blob)) parts.push(Buffer.from(chunk));
    const bytes = Buffer.concat(parts);
    this.#blobs.set(descriptor.digest, bytes);
    if (diffId !== undefined) this.#keep(descriptor, diffId, bytes);
    return `memory:${descriptor.digest}`;
  }

  #keep(descriptor: Descriptor, diffId: DiffId, bytes: Buffer): Layer {
    this.#blobs.set(descriptor.digest, bytes);
    const layer: Layer = {
      diffId,
      descriptor: () => Promise.resolve(descriptor),
      compressed: () => once(bytes),
      uncompressed: () => plainTar(diffId, once(bytes)),
    };
    this.#layers.set(diffId, layer);
    return layer;
  }
}

// oxlint-disable-next-line require-await -- a stream of one chunk
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
