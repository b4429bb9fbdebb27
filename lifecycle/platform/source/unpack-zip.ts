import { TspackError } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { byteString, type ByteString } from "../../oci/tar/byte-string.ts";
import type { Entry, ZipFile } from "../../third-party/yauzl.ts";
import type { ApplicationTree } from "./application-tree.ts";

/**
 * Unpacks a zip file into a tree; it has to be a file, because a zip is read from its end.
 * Throws `INVALID_APPLICATION` for what is damaged, encrypted or does not belong into an application.
 */
export async function unpackZip(
  file: string,
  tree: ApplicationTree,
  { archive, signal }: { readonly archive: string; readonly signal: AbortSignal },
): Promise<void> {
  const { openPromise } = await import("../../third-party/yauzl.ts");
  const damaged = (cause: unknown): unknown =>
    cause instanceof TspackError || signal.aborted
      ? cause
      : new TspackError("INVALID_APPLICATION", `${archive} is a damaged zip file`, {
          cause,
          hint: "make it again, or give the directory with --path",
        });
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false }).catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    tree.bounds.packed(zip.fileSize);
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      await unpackEntry(zip, entry, tree);
    }
  } catch (error) {
    throw damaged(error);
  } finally {
    zip.close();
  }
  tree.finish();
}

async function unpackEntry(zip: ZipFile, entry: Entry, tree: ApplicationTree): Promise<void> {
  const name = nameIn(entry);
  const mode = unixMode(entry);
  if (entry.isEncrypted()) tree.refuse(name, "is encrypted");
  if (!entry.canDecodeFileData()) tree.refuse(name, `has the compression method ${entry.compressionMethod}`);
  const type = (mode ?? 0) & typeBits;
  if (name.endsWith("/") || type === 0o040000) return tree.directory(name, mode ?? 0o755);
  if (type === 0o120000) return tree.link(name, await linkTarget(zip, entry, tree));
  if (type !== 0 && type !== 0o100000) tree.refuse(name, "is a device, a pipe or a socket");
  // Systems without modes do not say what can be run, so everything can.
  const mtime = entry.getLastModDate().getTime() / 1000;
  await tree.file(name, { mode: mode ?? 0o755, mtime }, content(zip, entry, tree));
}

const typeBits = 0o170000;

/** On Unix a name is bytes, and zip programs there write them as they are, mostly without the flag of UTF-8. */
function nameIn({ versionMadeBy, fileName, fileNameRaw }: Entry): ByteString {
  return byteString(versionMadeBy >>> 8 === 3 ? fileNameRaw : fileName);
}

/** Mode and type, when the zip comes from a system that has them: Unix (3) or macOS (19). APPNOTE 4.4.2, 4.4.15. */
function unixMode({ versionMadeBy, externalFileAttributes }: Entry): number | undefined {
  const system = versionMadeBy >>> 8;
  const mode = externalFileAttributes >>> 16;
  return (system === 3 || system === 19) && mode !== 0 ? mode : undefined;
}

async function linkTarget(zip: ZipFile, entry: Entry, tree: ApplicationTree): Promise<ByteString> {
  if (entry.uncompressedSize > longestTarget) tree.refuse(nameIn(entry), "is a link with a long target");
  const chunks: Uint8Array[] = [];
  for await (const chunk of content(zip, entry, tree)) chunks.push(chunk);
  return byteString(Buffer.concat(chunks));
}

const longestTarget = 4096;

/** The content; its size is checked by the library, its checksum here. */
async function* content(
  zip: ZipFile,
  entry: Entry,
  tree: ApplicationTree,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sum = 0xffffffff;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as ByteStream) {
    sum = addToCrc(sum, chunk);
    yield chunk;
  }
  if ((sum ^ 0xffffffff) >>> 0 !== entry.crc32) tree.refuse(nameIn(entry), "is damaged");
}

/** CRC-32 as in zip files; Node has one only from 22.2 on. */
function addToCrc(sum: number, bytes: Uint8Array): number {
  let crc = sum;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

const crcTable: readonly number[] = Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
