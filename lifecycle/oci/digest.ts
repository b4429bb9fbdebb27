import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";

declare const brand: unique symbol;

/** `sha256:…` of bytes as they are stored: a blob, a manifest, a config. OCI image-spec, descriptor. */
export type Digest = string & { readonly [brand]: "Digest" };

/** `sha256:…` of a layer's uncompressed tar. Not interchangeable with a `Digest`. OCI image-spec, config. */
export type DiffId = string & { readonly [brand]: "DiffId" };

const sha256Form = /^sha256:[0-9a-f]{64}$/;

/** Reads a digest. Throws `INVALID_DIGEST` for another algorithm, length or upper case. */
export function parseDigest(text: string, source = "digest"): Digest {
  if (sha256Form.test(text)) return text as Digest;
  throw invalidDigest(text, source);
}

/** Reads a DiffID. Throws `INVALID_DIGEST`. */
export function parseDiffId(text: string, source = "DiffID"): DiffId {
  if (sha256Form.test(text)) return text as DiffId;
  throw invalidDigest(text, source);
}

function invalidDigest(text: string, source: string): InputError {
  const issue = {
    source,
    path: "",
    expected: '"sha256:" and 64 lower-case hexadecimal digits',
    got: JSON.stringify(text),
  };
  return new InputError("INVALID_DIGEST", `${JSON.stringify(text)} is not a digest`, [issue]);
}

/** The digest of bytes that are in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** The 64 hexadecimal digits after the algorithm. */
export function hex(digest: Digest | DiffId): string {
  return digest.slice("sha256:".length);
}
