import type { Descriptor } from "./descriptor.ts";
import type { DiffId } from "./digest.ts";

/** Bytes in order, in chunks of any size. Reading it a second time needs a new one. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** A read-only, lazy view of one layer. */
export interface Layer {
  /** Always known, without reading a byte. */
  readonly diffId: DiffId;
  /** Of the compressed blob; may cost the compression, so only sinks that need it ask. */
  descriptor(): Promise<Descriptor>;
  /** The blob, as `descriptor()` describes it. */
  compressed(): ByteStream;
  /** The plain tar, whose SHA-256 is `diffId`. */
  uncompressed(): ByteStream;
  /**
   * A verified local file with the compressed bytes, where there is one already, so that a
   * sink on the same machine links it instead of copying. Absent or undefined: stream it.
   */
  blobFile?(): Promise<string | undefined>;
  /**
   * Where the plain tar lies in a file of this machine, if it does: it can be read in any order and
   * by several threads. Its content is as trustworthy as what `uncompressed` gives.
   */
  readonly tarFile?: string | undefined;
}
