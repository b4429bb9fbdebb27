import { Readable } from "node:stream";
import zlib from "node:zlib";
import { errorCode, TspackError } from "../../errors.ts";
import { gunzip } from "../../oci/gunzip.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { byteString } from "../../oci/tar/byte-string.ts";
import { readTar, type TarEntry } from "../../oci/tar/unpack.ts";
import type { ApplicationTree } from "./application-tree.ts";
import type { ArchiveKind } from "./archive-kind.ts";

/**
 * Unpacks a tar into a tree while it streams. Throws `INVALID_APPLICATION` for what is damaged
 * or does not belong into an application, `TOOL_MISSING` where Node can not read zstd.
 */
export async function unpackTar(
  source: ByteStream,
  kind: Exclude<ArchiveKind, "zip">,
  tree: ApplicationTree,
  { archive, signal }: { readonly archive: string; readonly signal: AbortSignal },
): Promise<void> {
  const plain = decompress(tree.bounds.counting(source), kind, archive);
  try {
    for await (const entry of readTar(plain)) {
      signal.throwIfAborted();
      await unpackEntry(entry, tree);
    }
  } catch (error) {
    if (errorCode(error) !== "INVALID_TAR" && errorCode(error) !== "INVALID_IMAGE" && !isDamage(error)) throw error;
    throw new TspackError("INVALID_APPLICATION", `${archive} is a damaged archive`, {
      cause: error,
      hint: "make it again, or give the directory with --path",
    });
  }
  tree.finish();
}

async function unpackEntry({ header, content }: TarEntry, tree: ApplicationTree): Promise<void> {
  const name = byteString(header.name);
  switch (header.type) {
    case "dir":
      return tree.directory(name, header.mode);
    case "file":
      return tree.file(name, { mode: header.mode, mtime: header.mtime ?? Number.NaN }, content());
    case "symlink":
      return tree.link(name, byteString(header.linkname ?? ""));
    case "hardlink":
      return tree.hardLink(name, byteString(header.linkname ?? ""));
    case "char":
    case "block":
      return tree.refuse(name, "is a device");
    case "fifo":
      return tree.refuse(name, "is a pipe");
  }
}

function decompress(source: ByteStream, kind: Exclude<ArchiveKind, "zip">, archive: string): ByteStream {
  switch (kind) {
    case "tar":
      return source;
    case "tar.gz":
      return gunzip(source);
    case "tar.zst":
      return unzstd(source, archive);
  }
}

/** Node has it from 22.15 on. */
function unzstd(source: ByteStream, archive: string): ByteStream {
  const make: unknown = Reflect.get(zlib, "createZstdDecompress");
  if (typeof make !== "function") {
    throw new TspackError("TOOL_MISSING", `${archive} is compressed with zstd, which this Node can not read`, {
      hint: "use Node 22.15 or later, or compress with gzip, or pipe: zstd -dc FILE | tspack build NAME --path -",
    });
  }
  const inflate = (make as () => NodeJS.ReadWriteStream)();
  const input = Readable.from(source, { objectMode: false });
  input.once("error", (error) => (inflate as zlib.Gunzip).destroy(error));
  return input.pipe(inflate) as unknown as ByteStream;
}

function isDamage(error: unknown): boolean {
  return /^(Z_|ZSTD_|ERR_ZSTD|ERR_STREAM_PREMATURE_CLOSE)/i.test(errorCode(error) ?? "");
}
