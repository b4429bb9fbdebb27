import { TspackError } from "../../errors.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { decodeIndex } from "../../oci/manifest.ts";
import { isIndexType } from "../../oci/media-type.ts";
import { machinePlatform, manifestFor, storedImage } from "../stored-image.ts";
import { verified } from "../verified.ts";
import { blobPath, hasBlobFile, readBlobFile } from "./blob-files.ts";
import type { BlobName } from "./blob-files.ts";
import { nameOf, readIndex } from "./index-file.ts";

/** Which image of a layout is meant. */
export interface LayoutSelection {
  /** The annotation `org.opencontainers.image.ref.name`. */
  readonly name?: string | undefined;
  readonly digest?: Digest | undefined;
  readonly platform?: Platform | undefined;
}

/** Whether the files of a layout were verified when they were written, as our own are. */
export interface LayoutTrust {
  readonly trusted?: boolean | undefined;
}

/**
 * The image in an OCI image layout, or undefined when the directory is none or has none of that
 * name. Without a name the only one. Throws `INVALID_IMAGE`, `IMAGE_NOT_FOUND` (several images
 * and no name, or no image for the platform), `DIGEST_MISMATCH`.
 */
export async function readLayout(
  directory: string,
  selection: LayoutSelection = {},
  trust: LayoutTrust = {},
): Promise<Image | undefined> {
  const index = await readIndex(directory);
  const descriptor = index === undefined ? undefined : choose(directory, index.manifests, selection);
  if (descriptor === undefined) return undefined;
  const platform = selection.platform ?? machinePlatform();
  return imageOf(directory, await manifestBytes(directory, descriptor, platform), trust);
}

/** The image of a descriptor, wherever that came from. Throws `INVALID_IMAGE`, `DIGEST_MISMATCH`. */
export async function layoutImage(directory: string, descriptor: Descriptor): Promise<Image> {
  return imageOf(directory, await readBytes(directory, descriptor), {});
}

/** The verified bytes of a blob. Throws `INVALID_IMAGE`, `DIGEST_MISMATCH`. */
export async function readBytes(directory: string, blob: BlobName): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of verified(readBlobFile(directory, blob), blob, `layout ${directory}`)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function imageOf(directory: string, bytes: Uint8Array, trust: LayoutTrust): Image {
  const checked = new Map<Digest, Promise<string | undefined>>();
  return storedImage(bytes, {
    source: `layout ${directory}`,
    open: (blob) => readBlobFile(directory, blob),
    file: (blob) => {
      const file = checked.get(blob.digest) ?? verifiedFile(directory, blob, trust);
      checked.set(blob.digest, file);
      return file;
    },
  });
}

function choose(
  directory: string,
  manifests: readonly Descriptor[],
  { name, digest, platform }: LayoutSelection,
): Descriptor | undefined {
  const named = name === undefined ? manifests : manifests.filter((item) => nameOf(item) === name);
  const fitting = digest === undefined ? named : named.filter((item) => item.digest === digest);
  const different = [...new Map(fitting.map((item) => [item.digest, item])).values()];
  if (different.length <= 1) return different[0];
  // One image for several platforms may be spread over the top level.
  if (different.every((item) => item.platform !== undefined)) {
    const names = new Set(different.map(nameOf));
    if (names.size === 1) {
      return manifestFor({ schemaVersion: 2, manifests: different }, platform ?? machinePlatform(), directory);
    }
  }
  const names = different.map((item) => nameOf(item) ?? item.digest).join(", ");
  throw new TspackError("IMAGE_NOT_FOUND", `layout ${directory} has ${different.length} images: ${names}`, {
    hint: "add the name of one of them after the path",
  });
}

async function manifestBytes(directory: string, descriptor: Descriptor, platform: Platform): Promise<Uint8Array> {
  const source = `layout ${directory}`;
  const bytes = await readBytes(directory, descriptor);
  if (!isIndexType(descriptor.mediaType)) return bytes;
  const index = decodeIndex(bytes, `${source} ${descriptor.digest}`).value;
  const chosen = manifestFor(index, platform, source);
  // An index within an index is not ours to unravel: the manifest's decoder says what is wrong.
  return manifestBytes(directory, isIndexType(chosen.mediaType) ? { ...chosen, mediaType: "" } : chosen, platform);
}

async function verifiedFile(directory: string, blob: BlobName, trust: LayoutTrust): Promise<string | undefined> {
  if (!(await hasBlobFile(directory, blob))) return undefined;
  const source = `layout ${directory}`;
  if (trust.trusted !== true) {
    const stream = verified(readBlobFile(directory, blob), blob, source);
    while ((await stream.next()).done !== true);
  }
  return blobPath(directory, blob.digest);
}
