import { TspackError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import type { DiffId } from "./digest.ts";
import { gunzip } from "./gunzip.ts";
import { isZstd, unzstd } from "./zstd.ts";
import type { ByteStream, Layer } from "./layer.ts";

/** How a stored layer is opened. */
export interface BlobLayerParts {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  /** A fresh stream of the stored bytes at every call. */
  readonly open: () => ByteStream;
  readonly blobFile?: () => Promise<string | undefined>;
}

/** A layer that lies in a store, compressed or not: the first bytes tell, because some media types lie. */
export function blobLayer(parts: BlobLayerParts): Layer {
  const { descriptor, diffId, open, blobFile } = parts;
  return {
    diffId,
    descriptor: () => Promise.resolve(descriptor),
    compressed: open,
    uncompressed: () => inflate(open(), descriptor),
    ...(blobFile === undefined ? {} : { blobFile }),
  };
}

/**
 * The plain tar of a stored layer. Throws `INVALID_IMAGE` for damaged data, and `TOOL_MISSING`
 * for zstd where Node cannot read it.
 */
export async function* inflate(blob: ByteStream, descriptor: Pick<Descriptor, "digest">): ByteStream {
  const iterator = blob[Symbol.asyncIterator]();
  const head = await firstBytes(iterator);
  const rest = resume(head, iterator);
  if (isZstd(head)) {
    try {
      yield* unzstd(rest, `layer ${descriptor.digest}`);
    } finally {
      await rest.return(undefined);
    }
    return;
  }
  if (!startsWith(head, [0x1f, 0x8b])) {
    yield* rest;
    return;
  }
  // Reads the blob to its end whatever it holds, so that its digest is checked.
  try {
    yield* gunzip(rest);
  } catch (error) {
    if (!(error instanceof TspackError) || error.code !== "INVALID_IMAGE") throw error;
    const cause = error.cause instanceof Error ? error.cause : error;
    throw new TspackError("INVALID_IMAGE", `layer ${descriptor.digest} is damaged: ${cause.message}`, { cause });
  }
}

/** At least four bytes, when the stream has as many. */
async function firstBytes(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* resume(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    // A reader that stops early lets the store close its file or connection.
    await iterator.return?.();
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
