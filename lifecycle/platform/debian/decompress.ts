import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { InputError, TspackError } from "../../errors.ts";

const gunzipBytes = promisify(gunzip);

/**
 * Unpacks a file that is in memory, by the ending of its name: `.xz`, `.gz`, or none of these
 * for plain bytes. Throws `INVALID_TAR` for damaged data and forms that Debian 12 does not use.
 */
export async function decompressByName(name: string, bytes: Uint8Array): Promise<Buffer> {
  const ending = /\.(xz|gz|zst|bz2|lzma)$/.exec(name)?.[1];
  try {
    switch (ending) {
      case undefined:
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      case "gz":
        return await gunzipBytes(bytes, { chunkSize: 1 << 20 });
      case "xz": {
        const { decompress } = await import("@napi-rs/lzma/xz");
        return await decompress(bytes);
      }
      default:
        throw new TypeError(`.${ending} is not supported`);
    }
  } catch (error) {
    if (isMissingBinding(error)) throw missingLzma(error);
    const got = error instanceof Error ? error.message : String(error);
    const issue = { source: name, path: "", expected: "data in gzip or xz form", got };
    throw new InputError("INVALID_TAR", `${name} cannot be unpacked`, [issue], { cause: error });
  }
}

function isMissingBinding(error: unknown): boolean {
  return error instanceof Error && /native binding|Cannot find (module|package)/.test(error.message);
}

function missingLzma(cause: unknown): TspackError {
  return new TspackError("TOOL_MISSING", "The native part of @napi-rs/lzma is not installed", {
    cause,
    hint: "run npm ci without --omit=optional, on a platform that the package supports",
  });
}
