import { createHash } from "node:crypto";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDiffId, parseDigest, type DiffId } from "../../oci/digest.ts";
import type { Deflater } from "../../oci/deflater.ts";
import { GzipWriter, type GzipOutput } from "../../oci/gzip.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { Slots } from "../../oci/slots.ts";
import { type Compression, ZstdWriter } from "../../oci/zstd.ts";
import type { ByteSink } from "../blob-cache.ts";

/** How a tar is compressed. */
export interface CompressOptions {
  /** The usual level when absent. */
  readonly level?: number | undefined;
  /** gzip when absent. */
  readonly compression?: Compression | undefined;
  /** Compresses with gzip for all who share it. */
  readonly deflater?: Deflater | undefined;
  /** How many frames of zstd are compressed at a time by all who share these. */
  readonly inSlot?: Slots | undefined;
}

const types = { gzip: ociTypes.layerGzip, zstd: ociTypes.layerZstd } as const;

/** What one pass over a tar finds out. */
export interface Compressed {
  readonly diffId: DiffId;
  readonly descriptor: Descriptor;
}

/** Reads a tar once: hashes it, compresses it, and hashes what goes to `output`. */
export async function compress(
  produce: (sink: ByteSink) => Promise<void>,
  output: GzipOutput,
  { level, compression = "gzip", deflater, inSlot }: CompressOptions,
): Promise<Compressed> {
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  let size = 0;
  const counted: GzipOutput = (bytes) => {
    packed.update(bytes);
    size += bytes.length;
    return output(bytes);
  };
  const options = { level, onBlock: (block: Uint8Array) => void plain.update(block) };
  const writer =
    compression === "zstd"
      ? new ZstdWriter(counted, { ...options, inSlot })
      : new GzipWriter(counted, { ...options, deflater });
  await produce({ write: (bytes) => writer.write(bytes) });
  await writer.finish();
  return {
    diffId: parseDiffId(`sha256:${plain.digest("hex")}`),
    descriptor: { mediaType: types[compression], digest: parseDigest(`sha256:${packed.digest("hex")}`), size },
  };
}
