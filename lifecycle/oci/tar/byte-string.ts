declare const brand: unique symbol;

/**
 * Bytes as text, one character (U+0000 to U+00FF) for each byte. File names are bytes and not
 * always UTF-8; in this form they are sorted, cut and compared as bytes with string operators.
 */
export type ByteString = string & { readonly [brand]: "ByteString" };

const notAscii = /[^\u0001-\u007f]/;

/** Whether every byte is ASCII and none is NUL. */
export function isAscii(text: string): boolean {
  return !notAscii.test(text);
}

/** The bytes of a text (as UTF-8), or of raw bytes. */
export function byteString(text: string | Uint8Array): ByteString {
  if (typeof text === "string") return (isAscii(text) ? text : Buffer.from(text).toString("latin1")) as ByteString;
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1") as ByteString;
}

/** The shortest form that keeps every byte: a string when it is ASCII, else the raw bytes. */
export function nameOf(bytes: ByteString): string | Buffer {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1");
}

/** For messages only: what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString();
}
