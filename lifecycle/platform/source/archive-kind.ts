import { TspackError } from "../../errors.ts";
import { isGzip } from "../../oci/gunzip.ts";

/** Archives that an application may come in; what is in gzip and zstd data is taken for a tar. */
export type ArchiveKind = "zip" | "tar" | "tar.gz" | "tar.zst";

/** As many first bytes as it takes to tell. */
export const archiveStart = 512;

/**
 * Tells by its first bytes what an archive is, whatever its name. Throws `INVALID_APPLICATION`
 * for other files and for compressions that can not be read.
 */
export function archiveKind(start: Uint8Array, archive: string): ArchiveKind {
  if (startsWith(start, [0x50, 0x4b, 0x03, 0x04]) || startsWith(start, [0x50, 0x4b, 0x05, 0x06])) return "zip";
  if (isGzip(start)) return "tar.gz";
  if (startsWith(start, [0x28, 0xb5, 0x2f, 0xfd])) return "tar.zst";
  if (startsWith(start, [0xfd, 0x37, 0x7a, 0x58, 0x5a])) throw otherCompression(archive, "xz");
  if (startsWith(start, [0x42, 0x5a, 0x68])) throw otherCompression(archive, "bzip2");
  if (isTarHeader(start)) return "tar";
  throw new TspackError("INVALID_APPLICATION", `${archive} is neither a directory nor a zip or tar archive`, {
    hint: "give the application's directory, or an archive of it: zip, tar, tar.gz",
  });
}

function otherCompression(archive: string, program: string): TspackError {
  return new TspackError("INVALID_APPLICATION", `${archive} is compressed with ${program}, which is not supported`, {
    hint: `compress with gzip, or pipe it: ${program} -dc FILE | tspack build NAME --path -`,
  });
}

function startsWith(start: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => start[index] === byte);
}

/** By the checksum, which all kinds of tar have; a tar without entries is zeros. */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < archiveStart) return false;
  if (block.every((byte) => byte === 0)) return true;
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  const written = Buffer.from(block.subarray(148, 156)).toString("latin1").replaceAll("\0", " ").trim();
  return /^[0-7]+$/.test(written) && Number.parseInt(written, 8) === sum;
}
