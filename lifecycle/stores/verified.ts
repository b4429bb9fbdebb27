import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ByteStream } from "../oci/layer.ts";

/**
 * Passes a blob on and checks size and digest on the way. Throws `DIGEST_MISMATCH` at once when
 * there is more than the descriptor says, else at the end; `source` names the store.
 */
export async function* verified(
  stream: ByteStream,
  descriptor: Pick<Descriptor, "digest" | "size">,
  source: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    size += chunk.length;
    if (size > descriptor.size) throw mismatch(source, descriptor, "size", `${descriptor.size} bytes`, "more bytes");
    yield chunk;
  }
  if (size < descriptor.size) throw mismatch(source, descriptor, "size", `${descriptor.size} bytes`, `${size} bytes`);
  const digest = `sha256:${hash.digest("hex")}`;
  if (digest !== descriptor.digest) throw mismatch(source, descriptor, "digest", descriptor.digest, digest);
}

function mismatch(
  source: string,
  descriptor: Pick<Descriptor, "digest">,
  path: string,
  expected: string,
  got: string,
): InputError {
  const message = `blob ${descriptor.digest} of ${source} is not what its descriptor says`;
  return new InputError("DIGEST_MISMATCH", message, [{ source, path, expected, got }], {
    hint: "it was damaged in the store or on the way: fetch it again, or write the image again",
  });
}
