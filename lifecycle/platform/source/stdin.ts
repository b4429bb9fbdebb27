import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorCode, TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";

/** The first bytes of a stream, at most `size`, and the whole stream, which can be read once. */
export async function splitStart(
  source: ByteStream,
  size: number,
): Promise<{ readonly start: Uint8Array; readonly all: ByteStream }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let length = 0; length < size;) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
    length += next.value.length;
  }
  const first = Buffer.concat(chunks);
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    if (first.length > 0) yield first;
    try {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  };
  return { start: first.subarray(0, size), all: all() };
}

/** Writes a stream into a new private file. Throws `INVALID_APPLICATION` beyond `most` bytes, `DISK_FULL`. */
export async function spool(source: ByteStream, file: string, most: number, name: string): Promise<void> {
  const bounded = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    let length = 0;
    for await (const chunk of source) {
      length += chunk.length;
      if (length > most) {
        throw new TspackError("INVALID_APPLICATION", `${name} is longer than ${most} bytes`, {
          hint: "unpack it and give the directory with --path",
        });
      }
      yield chunk;
    }
  };
  try {
    await pipeline(
      Readable.from(bounded(), { objectMode: false }),
      createWriteStream(file, { flags: "wx", mode: 0o600 }),
    );
  } catch (cause) {
    if (errorCode(cause) !== "ENOSPC") throw cause;
    throw new TspackError("DISK_FULL", `no space left for ${name}`, {
      cause,
      hint: "free disk space, or set TSPACK_HOME to a larger disk",
    });
  }
}
