import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest, DiffId } from "../oci/digest.ts";
import type { Compression } from "../oci/zstd.ts";
import type { ByteStream, Layer } from "../oci/layer.ts";

/**
 * Takes the bytes of a tar. Copies what it keeps, so the caller may reuse its buffer as soon
 * as the promise is settled; `undefined` means: go on at once.
 */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void> | undefined;
}

/** Compressed layers on this machine, by digest and by DiffID, each verified when it was put in. */
export interface BlobCache {
  /** One pass over a tar: hashed, compressed, hashed and kept. The tar is what `produce` writes. */
  pack(produce: (sink: ByteSink) => Promise<void>): Promise<Layer>;
  /** A layer that was packed or fetched before; compressed like what is packed here, unless something else is asked for. */
  layer(diffId: DiffId, compression?: Compression): Promise<Layer | undefined>;
  /** The file of a blob that is here already. */
  file(digest: Digest): Promise<string | undefined>;
  /** Keeps a blob that comes from elsewhere. Throws `DIGEST_MISMATCH` and keeps nothing when it is not what `descriptor` says. */
  put(descriptor: Descriptor, blob: ByteStream, diffId?: DiffId): Promise<string>;
}
