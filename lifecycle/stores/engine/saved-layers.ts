import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open } from "node:fs/promises";
import { join, posix } from "node:path";
import { TspackError } from "../../errors.ts";
import { blobLayer } from "../../oci/blob-layer.ts";
import { type Digest, type DiffId, parseDigest } from "../../oci/digest.ts";
import { readJson } from "../../oci/json-reader.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import { dockerTypes } from "../../oci/media-type.ts";
import { readTar, type TarEntry } from "../../oci/tar/unpack.ts";

/** A file of an archive, kept under a name of ours: what the archive says is never a path here. */
interface KeptFile {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly isGzip: boolean;
}

const largestManifest = 4 * 1024 * 1024;

/**
 * Unpacks the layers of one image from an engine's archive (`/images/NAME/get`) into private
 * files below `directory`, in one pass. Plain tars are checked against their DiffIDs. Throws
 * `INVALID_IMAGE`, `DIGEST_MISMATCH`, `INVALID_TAR`.
 */
export async function unpackSaved(
  archive: ByteStream,
  diffIds: readonly DiffId[],
  directory: string,
  source: string,
): Promise<readonly Layer[]> {
  const { files, links, manifest } = await keepFiles(archive, await mkdtemp(join(directory, "saved-")));
  if (manifest === undefined) throw invalid(source, "the archive has no manifest.json");
  const names = layerNames(manifest, source);
  if (names.length !== diffIds.length) {
    throw invalid(source, `the archive has ${names.length} layers where the engine told of ${diffIds.length}`);
  }
  return diffIds.map((diffId, index) => {
    const name = names[index] ?? "";
    const file = files.get(links.get(name) ?? name);
    if (file === undefined) throw invalid(source, `the archive has no file ${JSON.stringify(name)}`);
    return savedLayer(file, diffId, source);
  });
}

interface Unpacked {
  readonly files: ReadonlyMap<string, KeptFile>;
  /** Older engines write a layer that occurs twice as a link. */
  readonly links: ReadonlyMap<string, string>;
  readonly manifest: Uint8Array | undefined;
}

async function keepFiles(archive: ByteStream, directory: string): Promise<Unpacked> {
  const files = new Map<string, KeptFile>();
  const links = new Map<string, string>();
  let manifest: Uint8Array | undefined;
  for await (const entry of readTar(archive)) {
    const name = posix.normalize(textOf(entry.header.name));
    const { type } = entry.header;
    if (type === "symlink" || type === "hardlink") links.set(name, linkTarget(name, entry));
    else if (type === "file" && name === "manifest.json") manifest = await inMemory(entry);
    else if (type === "file") files.set(name, await keepFile(entry, join(directory, String(files.size))));
  }
  return { files, links, manifest };
}

function linkTarget(name: string, { header }: TarEntry): string {
  const target = textOf(header.linkname ?? "");
  return posix.normalize(header.type === "symlink" ? posix.join(posix.dirname(name), target) : target);
}

function textOf(name: string | Uint8Array): string {
  return typeof name === "string" ? name : Buffer.from(name).toString("latin1");
}

async function inMemory(entry: TarEntry): Promise<Uint8Array> {
  if (entry.header.size > largestManifest) throw new TspackError("INVALID_IMAGE", "manifest.json is too large");
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.content()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function keepFile(entry: TarEntry, path: string): Promise<KeptFile> {
  const hash = createHash("sha256");
  const file = await open(path, "wx", 0o600);
  let size = 0;
  let head: readonly number[] = [];
  try {
    for await (const chunk of entry.content()) {
      if (head.length < 2) head = [...head, ...chunk.subarray(0, 2 - head.length)];
      hash.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  const digest = parseDigest(`sha256:${hash.digest("hex")}`);
  return { path, digest, size, isGzip: head[0] === 0x1f && head[1] === 0x8b };
}

function layerNames(manifest: Uint8Array, source: string): readonly string[] {
  const { document, reader } = readJson(manifest, `${source} manifest.json`, "INVALID_IMAGE");
  const images = reader.array(document, "");
  const fields = reader.object(images[0], "[0]");
  const names = reader.strings(fields["Layers"] ?? [], "[0].Layers") ?? [];
  reader.finish(`${source} was saved with a manifest.json that is not valid`);
  return names.map((name) => posix.normalize(name));
}

function savedLayer({ path, digest, size, isGzip }: KeptFile, diffId: DiffId, source: string): Layer {
  if (!isGzip && (digest as string) !== diffId) {
    throw new TspackError("DIGEST_MISMATCH", `${source}: layer ${diffId} was saved with the content ${digest}`, {
      hint: "the engine's copy of the image is damaged: remove the image and build or pull it again",
    });
  }
  const mediaType = isGzip ? dockerTypes.layerGzip : dockerTypes.layerTar;
  return blobLayer({
    descriptor: { mediaType, digest, size },
    diffId,
    open: () => createReadStream(path, { highWaterMark: 1024 * 1024 }),
    blobFile: () => Promise.resolve(path),
  });
}

function invalid(source: string, message: string): TspackError {
  return new TspackError("INVALID_IMAGE", `${source}: ${message}`);
}
