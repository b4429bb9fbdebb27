import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { TspackError } from "../../errors.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { gunzip, isGzip } from "../../oci/gunzip.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { readTar, type TarEntry } from "../../oci/tar/unpack.ts";

/** A file of an archive under a name of ours: what the archive says is never a path here. */
export interface KeptFile {
  readonly path: string;
  /** Of its content, computed. */
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly isGzip: boolean;
}

/** The files of an archive by their names in it; links stand for what they lead to. */
export type KeptFiles = ReadonlyMap<string, KeptFile>;

/** No document of an image is larger. */
const largestDocument = 32 * 1024 * 1024;

/** More entries than any image has. */
const mostEntries = 100_000;

/**
 * Unpacks the files of a tar, which may be compressed with gzip, into a private directory, each
 * hashed on its way. Throws `INVALID_TAR`, `INVALID_IMAGE`, `CANCELED`, and what the disk throws.
 */
export async function keepFiles(
  archive: ByteStream,
  directory: string,
  signal: AbortSignal,
  advance: (bytes: number) => void,
): Promise<KeptFiles> {
  const files = new Map<string, KeptFile>();
  const links = new Map<string, string>();
  let entries = 0;
  for await (const entry of readTar(plain(archive))) {
    if (signal.aborted) throw new TspackError("CANCELED", "canceled");
    entries += 1;
    if (entries > mostEntries) throw new TspackError("INVALID_IMAGE", `the archive has over ${mostEntries} entries`);
    const name = posix.normalize(textOf(entry.header.name));
    const { type } = entry.header;
    if (type === "symlink" || type === "hardlink") links.set(name, linkTarget(name, entry));
    else if (type === "file") files.set(name, await keepFile(entry, join(directory, String(entries)), advance));
  }
  // `docker save` of older engines writes a layer that occurs twice as a link.
  for (const [name, target] of links) {
    const file = files.get(target);
    if (file !== undefined) files.set(name, file);
  }
  return files;
}

/** A small file's content. Throws `INVALID_IMAGE` for one that is too large. */
export async function documentOf({ path, size }: KeptFile, name: string): Promise<Uint8Array> {
  if (size <= largestDocument) return readFile(path);
  throw new TspackError("INVALID_IMAGE", `${name} of the archive is too large: ${size} bytes`);
}

/** A fresh stream of a file's content. */
export function streamOf({ path }: KeptFile): ByteStream {
  return createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
}

async function* plain(archive: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  const source = archive[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done === true) return;
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => source };
  };
  yield* isGzip(first.value) ? gunzip(all()) : all();
}

function linkTarget(name: string, { header }: TarEntry): string {
  const target = textOf(header.linkname ?? "");
  return posix.normalize(header.type === "symlink" ? posix.join(posix.dirname(name), target) : target);
}

function textOf(name: string | Uint8Array): string {
  return typeof name === "string" ? name : Buffer.from(name).toString("latin1");
}

async function keepFile(entry: TarEntry, path: string, advance: (bytes: number) => void): Promise<KeptFile> {
  const hash = createHash("sha256");
  const file = await open(path, "wx", 0o600);
  let size = 0;
  let start = Buffer.alloc(0);
  try {
    for await (const chunk of entry.content()) {
      if (start.length < 3) start = Buffer.concat([start, chunk.subarray(0, 3)]);
      hash.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
      advance(chunk.length);
    }
  } finally {
    await file.close();
  }
  return { path, digest: parseDigest(`sha256:${hash.digest("hex")}`), size, isGzip: isGzip(start) };
}
