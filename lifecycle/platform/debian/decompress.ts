import { promisify } from "node:util";
import zlib from "node:zlib";
import { InputError, TspackError } from "../../errors.ts";

/**
 * Unpacks a file that is in memory, by the ending of its name: `.xz`, `.gz`, `.zst`, or none of
 * these for plain bytes. Throws `INVALID_TAR` for damaged data and forms that Debian does not use,
 * `TOOL_MISSING` for zstd where Node can not read it: Debian has none, archives of others do.
 */
export async function decompressByName(name: string, bytes: Uint8Array): Promise<Buffer> {
  const ending = /\.(xz|gz|zst|bz2|lzma)$/.exec(name)?.[1];
  try {
    switch (ending) {
      case undefined:
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      case "gz":
        return await promisify(zlib.gunzip)(bytes, { chunkSize: 1 << 20 });
      case "xz": {
        const { decompress } = await import("@napi-rs/lzma/xz");
        return await decompress(bytes);
      }
      case "zst":
        return unzstd(name, bytes);
      default:
        throw new TypeError(`.${ending} is not supported`);
    }
  } catch (error) {
    if (error instanceof TspackError) throw error;
    if (isMissingBinding(error)) throw missingLzma(error);
    const got = error instanceof Error ? error.message : String(error);
    const issue = { source: name, path: "", expected: "data in gzip, xz or zstd form", got };
    throw new InputError("INVALID_TAR", `${name} cannot be unpacked`, [issue], { cause: error });
  }
}

function unzstd(name: string, bytes: Uint8Array): Buffer {
  // Node has it from 22.15 on.
  const decompress: unknown = Reflect.get(zlib, "zstdDecompressSync");
  if (typeof decompress !== "function") {
    throw new TspackError("TOOL_MISSING", `${name} is compressed with zstd, which this Node can not read`, {
      hint: "use Node 22.15 or later",
    });
  }
  return (decompress as (bytes: Uint8Array) => Buffer)(bytes);
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
