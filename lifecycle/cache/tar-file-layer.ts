import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { TspackError } from "../errors.ts";
import { type Digest, type DiffId, parseDiffId } from "../oci/digest.ts";
import type { ByteStream, Layer } from "../oci/layer.ts";
import { ociTypes } from "../oci/media-type.ts";

const bufferSize = 1024 * 1024;

/** A layer that lies in a file as a plain tar of `size` bytes; its blob is the tar itself. */
export function tarFileLayer(path: string, diffId: DiffId, size: number): Layer {
  const read = (): ByteStream => createReadStream(path, { highWaterMark: bufferSize });
  const digest = diffId as string as Digest;
  return {
    diffId,
    descriptor: () => Promise.resolve({ mediaType: ociTypes.layerTar, digest, size }),
    compressed: read,
    uncompressed: read,
    tarFile: path,
  };
}

/** The SHA-256 of a file, read into one buffer: a stream takes a new one for each piece, and more memory than all else. Throws `CANCELED`. */
export async function hashFile(path: string, signal: AbortSignal): Promise<DiffId> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(bufferSize);
  const file = await open(path, "r");
  try {
    for (;;) {
      if (signal.aborted) throw new TspackError("CANCELED", `checking ${path} was stopped`);
      const { bytesRead } = await file.read(buffer, 0, bufferSize, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return parseDiffId(`sha256:${hash.digest("hex")}`);
}

/** Writes a new file and gives the SHA-256 of what was written. */
export async function writeHashed(path: string, bytes: ByteStream, signal: AbortSignal): Promise<DiffId> {
  const hash = createHash("sha256");
  const file = await open(path, "w", 0o644);
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return parseDiffId(`sha256:${hash.digest("hex")}`);
}
