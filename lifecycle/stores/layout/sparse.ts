import { lstat } from "node:fs/promises";
import { basename, join } from "node:path";
import { InputError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { ociTypes } from "../../oci/media-type.ts";
import { blobPath, hasBlobFile, writeBlobFile } from "./blob-files.ts";
import { makeLayout, readIndex, updateIndex } from "./index-file.ts";
import { readLayout } from "./read-layout.ts";

/**
 * Writes manifest and config of an image, and none of its layers, into an OCI layout of its own,
 * which is named after the digest, below `parent`. Returns the directory. Throws `DISK_FULL` and
 * errors of the operating system.
 */
export async function writeSparseLayout(parent: string, image: Image): Promise<string> {
  const [manifest, config] = await Promise.all([image.manifest(), image.config()]);
  const directory = join(parent, manifest.digest);
  await makeLayout(directory);
  const { mediaType = ociTypes.manifest, config: configDescriptor } = manifest.value;
  const descriptor = { mediaType, size: manifest.bytes.length, digest: manifest.digest };
  await putBytes(directory, configDescriptor, config.bytes);
  await putBytes(directory, descriptor, manifest.bytes);
  await updateIndex(directory, () => [descriptor]);
  return directory;
}

async function putBytes(
  directory: string,
  blob: Pick<Descriptor, "digest" | "size">,
  bytes: Uint8Array,
): Promise<void> {
  if (await hasBlobFile(directory, blob)) return;
  await writeBlobFile(directory, blob, chunk(bytes));
}

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** An image of which a layout has some layers only. */
export interface SparseImage {
  readonly image: Image;
  /** For each layer of the image, base layer first, whether the layout has its blob. */
  readonly present: readonly boolean[];
}

/**
 * Reads an image whose layout lacks layers; undefined when the directory is no layout. What is there
 * is checked when it is read. Throws `INVALID_IMAGE` when it is not one image or named after another
 * digest, `DIGEST_MISMATCH`.
 */
export async function readSparseLayout(directory: string): Promise<SparseImage | undefined> {
  const index = await readIndex(directory);
  if (index === undefined) return undefined;
  const [entry, ...others] = index.manifests;
  if (entry === undefined || others.length > 0) {
    throw unusable(directory, "index.json manifests", "one manifest", `${index.manifests.length}`);
  }
  const name = basename(directory);
  if (name.startsWith("sha256:") && name !== entry.digest) throw unusable(directory, "digest", name, entry.digest);
  const image = await readLayout(directory, { digest: entry.digest });
  if (image === undefined) return undefined;
  const { layers } = (await image.manifest()).value;
  const present = await Promise.all(layers.map(({ digest }) => isFile(blobPath(directory, digest))));
  return { image, present };
}

/** A link is none: the extender's output may be the work of a Dockerfile. */
async function isFile(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function unusable(source: string, path: string, expected: string, got: string): InputError {
  return new InputError("INVALID_IMAGE", `layout ${source} is not that of one image`, [
    { source, path, expected, got },
  ]);
}
