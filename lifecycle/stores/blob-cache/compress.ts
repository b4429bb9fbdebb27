import { createHash } from "node:crypto";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDiffId, parseDigest, type DiffId } from "../../oci/digest.ts";
import { GzipWriter, type GzipOutput } from "../../oci/gzip.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { ByteSink } from "../blob-cache.ts";

/** What one pass over a tar finds out. */
export interface Compressed {
  readonly diffId: DiffId;
  readonly descriptor: Descriptor;
}

/** Reads a tar once: hashes it, compresses it, and hashes what goes to `output`. */
export async function compress(
  produce: (sink: ByteSink) => Promise<void>,
  output: GzipOutput,
  level: number | undefined,
): Promise<Compressed> {
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  let size = 0;
  const writer = new GzipWriter(
    (bytes) => {
      packed.update(bytes);
      size += bytes.length;
      return output(bytes);
    },
    { level, onBlock: (block) => void plain.update(block) },
  );
  await produce({ write: (bytes) => writer.write(bytes) });
  await writer.finish();
  return {
    diffId: parseDiffId(`sha256:${plain.digest("hex")}`),
    descriptor: { mediaType: ociTypes.layerGzip, digest: parseDigest(`sha256:${packed.digest("hex")}`), size },
  };
}
