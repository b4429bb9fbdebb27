import type { Context } from "../../context.ts";
import { blobLayer } from "../../oci/blob-layer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestOf, type DiffId, type Digest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import { encodeIndex, encodeManifest, type Manifest } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import type { ImageSink, IndexStore } from "../../stores/store.ts";
import type { StackSbom } from "./sbom.ts";

/** Media types by which tools find a bill of materials among what refers to an image. */
const artifactTypes = { cyclonedx: "application/vnd.cyclonedx+json", spdx: "application/spdx+json" } as const;

const emptyType = "application/vnd.oci.empty.v1+json";
const empty = Buffer.from("{}");

/**
 * Puts the bills of materials of an image beside it, as manifests whose subject it is, and lists
 * them under the tag `sha256-<digest>` for registries that do not do so by themselves. What others
 * listed there stays. OCI distribution specification, "Referrers tag schema". Throws what `write` throws.
 */
export async function attachSboms(
  store: ImageSink & IndexStore,
  ref: ImageRef,
  image: Image,
  sbom: StackSbom,
  ctx: Context,
): Promise<readonly Digest[]> {
  const repository = `${ref.registry}/${ref.repository}`;
  const { bytes, digest, value } = await image.manifest();
  const subject = { mediaType: value.mediaType ?? ociTypes.manifest, size: bytes.length, digest };
  const attached: Descriptor[] = [];
  for (const kind of ["cyclonedx", "spdx"] as const) {
    const artifact = artifactOf(artifactTypes[kind], Buffer.from(sbom[kind]), subject);
    const manifest = await artifact.manifest();
    await store.write(artifact, [parseReference(`${repository}@${manifest.digest}`)], { ctx });
    attached.push({
      mediaType: ociTypes.manifest,
      size: manifest.bytes.length,
      digest: manifest.digest,
      artifactType: artifactTypes[kind],
    });
  }
  const tag = parseReference(`${repository}:${digest.replace(":", "-")}`);
  const others = ((await store.readIndex(tag))?.value.manifests ?? []).filter(
    (each) => !attached.some((own) => own.digest === each.digest),
  );
  const manifests = [...others, ...attached];
  await store.writeIndex(encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests }), tag);
  return attached.map((each) => each.digest);
}

/** One blob as an image that has no file system. OCI image specification, "Guidelines for Artifact Usage". */
function artifactOf(artifactType: string, bytes: Buffer, subject: Descriptor): Image {
  const digest = digestOf(bytes);
  const descriptor = { mediaType: artifactType, size: bytes.length, digest };
  const config = { mediaType: emptyType, size: empty.length, digest: digestOf(empty) };
  const manifest: Raw<Manifest> = encodeManifest({
    schemaVersion: 2,
    mediaType: ociTypes.manifest,
    artifactType,
    config,
    layers: [descriptor],
    subject,
  });
  const layer = blobLayer({
    descriptor,
    diffId: digest as string as DiffId,
    open: async function* () {
      yield bytes;
    },
  });
  // There is nothing to configure: only the bytes are ever sent.
  const nothing: Raw<ImageConfig> = { value: {} as ImageConfig, bytes: empty, digest: config.digest };
  return {
    manifest: () => Promise.resolve(manifest),
    config: () => Promise.resolve(nothing),
    layers: () => Promise.resolve([layer]),
  };
}
