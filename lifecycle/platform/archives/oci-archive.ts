import type { TarWriter } from "../../layers/tar-writer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { encodeIndex } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { fullName } from "../../stores/layout/layout-store.ts";
import { refName } from "../../stores/layout/index-file.ts";
import { verified } from "../../stores/verified.ts";

const root = { uid: 0, gid: 0 };

/** Writes an OCI image layout with one image, by each of its names. OCI image-spec, image layout. */
export async function writeOciArchive(
  tar: TarWriter,
  image: Image,
  refs: readonly ImageRef[],
  given: readonly string[] = refs.map(fullName),
): Promise<void> {
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()]);
  const { os, architecture, variant } = config.value;
  const entry: Descriptor = {
    mediaType: manifest.value.mediaType ?? ociTypes.manifest,
    size: manifest.bytes.length,
    digest: manifest.digest,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
  };
  const names = [...new Set(given)];
  const named = names.map((name) => ({ ...entry, annotations: { [refName]: name } }));
  const manifests = named.length === 0 ? [entry] : named;
  const file = (name: string, bytes: Uint8Array): Promise<void> =>
    tar.entry({ name, type: "file", mode: 0o644, ...root }, bytes);
  await file("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  await file("index.json", encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests }).bytes);
  for (const name of ["blobs", "blobs/sha256"]) await tar.entry({ name, type: "dir", mode: 0o755, ...root });
  await file(blobName(manifest.digest), manifest.bytes);
  await file(blobName(config.digest), config.bytes);
  const written = new Set<Digest>();
  for (const layer of layers) {
    const descriptor = await layer.descriptor();
    const { digest, size } = descriptor;
    if (written.has(digest)) continue;
    written.add(digest);
    await tar.header({ name: blobName(digest), type: "file", mode: 0o644, ...root, size });
    await tar.stream(size, verified(layer.compressed(), descriptor, "the image"));
  }
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hex(digest)}`;
}
