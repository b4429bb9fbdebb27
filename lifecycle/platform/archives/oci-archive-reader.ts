import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { hex } from "../../oci/digest.ts";
import { decodeIndex } from "../../oci/manifest.ts";
import { isIndexType, isManifestType, ociTypes } from "../../oci/media-type.ts";
import { refName } from "../../stores/layout/index-file.ts";
import { machinePlatform, manifestFor, storedImage } from "../../stores/stored-image.ts";
import { documentOf, type KeptFile, type KeptFiles, streamOf } from "./kept-files.ts";
import type { ArchivedImage } from "./read-archive.ts";

/** What containerd and Docker call an image in full, where `ref.name` is its tag alone. */
const fullNameAnnotation = "io.containerd.image.name";

/** The images of a tar of an OCI layout; undefined when it is none, or one that is better read as Docker's. */
export async function readOciArchive(files: KeptFiles, source: string): Promise<readonly ArchivedImage[] | undefined> {
  const indexFile = files.get("index.json");
  if (indexFile === undefined || !files.has("oci-layout")) return undefined;
  const { manifests } = decodeIndex(await documentOf(indexFile, "index.json"), `${source} index.json`).value;
  const images = new Map<string, { readonly image: ArchivedImage["image"]; readonly names: string[] }>();
  let plain = false;
  for (const entry of manifests) {
    if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) continue;
    const found = images.get(entry.digest) ?? { image: await imageOf(entry, files, source), names: [] };
    found.names.push(...namesIn(entry));
    images.set(entry.digest, found);
    const { layers } = (await found.image.manifest()).value;
    plain ||= layers.some(({ mediaType }) => mediaType === ociTypes.layerTar);
  }
  // Docker without containerd's store writes both forms, and never compresses.
  return plain && files.has("manifest.json") ? undefined : [...images.values()];
}

/** What an entry of a layout is called, when that names an image. */
export function namesIn({ annotations }: Descriptor): readonly string[] {
  const full = annotations?.[fullNameAnnotation];
  if (full !== undefined) return [full];
  const name = annotations?.[refName];
  // A word alone is a tag, says the image specification: it does not name an image.
  return name === undefined || !/[/:]/.test(name) ? [] : [name];
}

async function imageOf(entry: Descriptor, files: KeptFiles, source: string): Promise<ArchivedImage["image"]> {
  const bytes = await documentOf(blobOf(entry, files, source), entry.digest);
  if (isIndexType(entry.mediaType)) {
    const chosen = manifestFor(decodeIndex(bytes, `${source} ${entry.digest}`).value, machinePlatform(), source);
    if (isIndexType(chosen.mediaType))
      throw new TspackError("INVALID_IMAGE", `${source} has an index within an index, ${chosen.digest}`);
    return imageOf(chosen, files, source);
  }
  return storedImage(bytes, {
    source,
    open: (descriptor) => streamOf(blobOf(descriptor, files, source)),
    file: async (descriptor) => Promise.resolve(blobOf(descriptor, files, source).path),
  });
}

/** The file of a blob, whose content was hashed when it was unpacked. */
function blobOf({ digest, size }: Descriptor, files: KeptFiles, source: string): KeptFile {
  const file = files.get(`blobs/sha256/${hex(digest)}`);
  if (file === undefined) {
    throw new TspackError("INVALID_IMAGE", `${source} has no blob ${digest}`, {
      hint: "the archive is not complete: make it again",
    });
  }
  if (file.digest === digest && file.size === size) return file;
  const message = `the blob ${digest} of ${source} has the content ${file.digest} of ${file.size} bytes`;
  throw new TspackError("DIGEST_MISMATCH", message, { hint: "the archive is damaged: make it again" });
}
