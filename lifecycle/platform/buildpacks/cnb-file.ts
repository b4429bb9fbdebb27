import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Context } from "../../context.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { TarWriter } from "../../layers/tar-writer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { encodeIndex } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";

const root = { uid: 0, gid: 0 };

/**
 * Writes a `.cnb` file: a tar of an OCI image layout with one image. Distribution specification,
 * buildpackage file. The same image gives the same bytes; the file is there completely or not at
 * all. Returns the digest of the manifest. Throws `DISK_FULL`, `CANCELED`.
 */
export async function writeCnbFile(path: string, image: Image, ctx: Context): Promise<Digest> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.partial`;
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      const tar = new TarWriter({ write: (bytes) => writeAll(file, bytes) }, ctx.signal);
      await writeLayoutTar(tar, image);
      await tar.end();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return (await image.manifest()).digest;
  } catch (error) {
    throw explained(error, path, ctx);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function writeLayoutTar(tar: TarWriter, image: Image): Promise<void> {
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()]);
  const { os, architecture, variant } = config.value;
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  const mediaType = manifest.value.mediaType ?? ociTypes.manifest;
  const entry: Descriptor = { mediaType, size: manifest.bytes.length, digest: manifest.digest, platform };
  const index = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests: [entry] });
  const file = (name: string, bytes: Uint8Array): Promise<void> =>
    tar.entry({ name, type: "file", mode: 0o644, ...root }, bytes);
  await file("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  await file("index.json", index.bytes);
  for (const name of ["blobs", "blobs/sha256"]) await tar.entry({ name, type: "dir", mode: 0o755, ...root });
  await file(blobName(manifest.digest), manifest.bytes);
  await file(blobName(manifest.value.config.digest), config.bytes);
  const written = new Set<Digest>();
  for (const layer of layers) {
    const descriptor = await layer.descriptor();
    if (written.has(descriptor.digest)) continue;
    written.add(descriptor.digest);
    await writeBlob(tar, descriptor, layer.compressed());
  }
}

async function writeBlob(tar: TarWriter, { digest, size }: Descriptor, blob: ByteStream): Promise<void> {
  await tar.header({ name: blobName(digest), type: "file", mode: 0o644, ...root, size });
  await tar.stream(size, blob);
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hex(digest)}`;
}

function explained(error: unknown, path: string, { signal }: Context): unknown {
  if (signal.aborted) return new TspackError("CANCELED", "canceled", { cause: error });
  if (errorCode(error) === "ENOSPC") return new TspackError("DISK_FULL", `no space left for ${path}`, { cause: error });
  if (errorCode(error) === "EACCES" || errorCode(error) === "EROFS" || errorCode(error) === "EISDIR")
    return new TspackError("INVALID_ARGUMENTS", `${path} can not be written`, { cause: error });
  return error;
}
