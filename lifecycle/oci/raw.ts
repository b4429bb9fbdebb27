import { type Digest, digestOf } from "./digest.ts";

/** A decoded document with the bytes it was read from, which are never serialized again. */
export interface Raw<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** A document that we wrote, with its bytes and their digest. */
export function rawJson<T>(value: T, text: string): Raw<T> {
  const bytes = new TextEncoder().encode(text);
  return { value, bytes, digest: digestOf(bytes) };
}
