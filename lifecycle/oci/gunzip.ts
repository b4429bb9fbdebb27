import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { errorCode, TspackError } from "../errors.ts";
import type { ByteStream } from "./layer.ts";

/** Small chunks make inflating several times slower. */
const chunkSize = 256 * 1024;

/** The plain bytes of gzip data. Throws `INVALID_IMAGE` for data that is damaged or no gzip; errors of the source pass through. */
export async function* gunzip(source: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = createGunzip({ chunkSize });
  const feeding = pipeline(Readable.from(source, { objectMode: false }), inflate);
  // Its failure arrives through the iteration, too; this one must not be unhandled.
  feeding.catch(() => {});
  try {
    for await (const chunk of inflate as AsyncIterable<Uint8Array>) yield chunk;
    await feeding;
  } catch (error) {
    throw await clearError(error, feeding, inflate.readableEnded);
  } finally {
    inflate.destroy();
  }
}

/** The stream's own failure and not that it was closed because of it. */
async function clearError(error: unknown, feeding: Promise<void>, ended: boolean): Promise<unknown> {
  const cause = isClosed(error) ? await reasonOf(feeding, error) : error;
  // Node takes no more when something else follows the gzip data, and says so by closing or aborting.
  const isFollowed = ended && (isClosed(cause) || errorCode(cause) === "ABORT_ERR");
  if (!isFollowed && !isZlibError(errorCode(cause))) return cause;
  return new TspackError("INVALID_IMAGE", "a layer's gzip data is damaged", { cause });
}

async function reasonOf(feeding: Promise<void>, fallback: unknown): Promise<unknown> {
  try {
    await feeding;
    return fallback;
  } catch (error) {
    return error;
  }
}

function isClosed(error: unknown): boolean {
  return errorCode(error) === "ERR_STREAM_PREMATURE_CLOSE";
}

function isZlibError(code: string | undefined): boolean {
  return code !== undefined && /^Z_[A-Z]+_ERROR$/.test(code);
}

/** Whether data starts like gzip. RFC 1952, 2.3.1. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}
