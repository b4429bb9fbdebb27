import { createHash } from "node:crypto";
import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest, DiffId } from "../../oci/digest.ts";
import { inflate } from "../../oci/blob-layer.ts";
import type { ByteStream } from "../../oci/layer.ts";

/** Passes a blob on and throws `DIGEST_MISMATCH` at its end, or as soon as it is too long, when it is not what was announced. */
export async function* verified(descriptor: Descriptor, blob: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of blob) {
    size += chunk.length;
    if (size > descriptor.size) throw mismatch(descriptor, `more than ${descriptor.size} bytes`);
    hash.update(chunk);
    yield chunk;
  }
  if (size !== descriptor.size) throw mismatch(descriptor, `${size} instead of ${descriptor.size} bytes`);
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== descriptor.digest) throw mismatch(descriptor, `the digest ${found}`);
}

function mismatch(descriptor: Descriptor, found: string): TspackError {
  return new TspackError("DIGEST_MISMATCH", `the blob ${descriptor.digest} has ${found}`, {
    hint: "it was damaged on its way or where it is kept; try again",
  });
}

/** The plain tar of a layer's blob, whose end throws `DIGEST_MISMATCH` when it is not `diffId`. */
export async function* plainTar(diffId: DiffId, blob: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  // Its name in messages is the DiffID, by which it was asked for.
  for await (const chunk of inflate(blob, { digest: diffId as string as Digest })) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found === diffId) return;
  throw new TspackError("DIGEST_MISMATCH", `the layer ${diffId} has the DiffID ${found}`, {
    hint: "the image that it comes from is damaged",
  });
}
