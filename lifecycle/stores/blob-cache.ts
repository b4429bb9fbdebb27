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

/** A blob that is still being packed. */
export interface GrowingBlob {
  /** Bytes that are there so far. */
  readonly size: number;
  /** Whether nothing more comes. */
  readonly isWhole: boolean;
  /** The bytes from the first on, as they come; may be asked for again. Throws why packing failed, and when it was closed. */
  bytes(): ByteStream;
  /** For whoever was shown the blob to call, when that needs it no more. */
  close(): void;
}

/** Somebody who wants to see blobs while they are packed. */
export interface PackWatch {
  /** Smaller blobs are of no interest, in bytes. */
  readonly from: number;
  /** Shows a blob that has got so large, at most once. */
  grows(blob: GrowingBlob): void;
}

/** Compressed layers on this machine, by digest and by DiffID, each verified when it was put in. */
export interface BlobCache {
  /**
   * One pass over a tar: hashed, compressed, hashed and kept. The tar is what `produce` writes.
   * `watch` is shown the blob only where that lies in a file.
   */
  pack(produce: (sink: ByteSink) => Promise<void>, watch?: PackWatch): Promise<Layer>;
  /** A layer that was packed or fetched before; compressed like what is packed here, unless something else is asked for. */
  layer(diffId: DiffId, compression?: Compression): Promise<Layer | undefined>;
  /** The file of a blob that is here already. */
  file(digest: Digest): Promise<string | undefined>;
  /** Keeps a blob that comes from elsewhere. Throws `DIGEST_MISMATCH` and keeps nothing when it is not what `descriptor` says. */
  put(descriptor: Descriptor, blob: ByteStream, diffId?: DiffId): Promise<string>;
}
