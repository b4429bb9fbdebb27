import { createHash } from "node:crypto";
import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { DiffId } from "../../oci/digest.ts";
import { gunzip, isGzip } from "../../oci/gunzip.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { ociTypes } from "../../oci/media-type.ts";

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
export async function* plainTar(
  mediaType: string,
  diffId: DiffId,
  blob: ByteStream,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  for await (const chunk of decompressed(mediaType, blob)) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found === diffId) return;
  throw new TspackError("DIGEST_MISMATCH", `the layer ${diffId} has the DiffID ${found}`, {
    hint: "the image that it comes from is damaged",
  });
}

async function* decompressed(mediaType: string, blob: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  if (mediaType === ociTypes.layerZstd) {
    throw new TspackError("INVALID_IMAGE", "the layer is compressed with zstd, which cannot be read here", {
      hint: "use an image whose layers are compressed with gzip",
    });
  }
  // The bytes decide: some registries call gzip data a plain tar, and the other way round.
  const source = blob[Symbol.asyncIterator]();
  const first = await source.next();
  const all = prepend(first, source);
  yield* first.done !== true && isGzip(first.value) ? gunzip(all) : all;
}

async function* prepend(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
