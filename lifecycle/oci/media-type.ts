import { TspackError } from "../errors.ts";

/** The two families of manifest types; each has its own names for the same documents. */
export type ManifestFormat = "oci" | "docker";

/** Media types of the OCI image specification. */
export const ociTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerTar: "application/vnd.oci.image.layer.v1.tar",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

/** Media types of Docker's image manifest version 2, schema 2. */
export const dockerTypes = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  layerTar: "application/vnd.docker.image.rootfs.diff.tar",
} as const;

/** What a registry is told that we read, most wanted first. */
export const readableManifestTypes: readonly string[] = [
  ociTypes.index,
  ociTypes.manifest,
  dockerTypes.index,
  dockerTypes.manifest,
];

/** Whether a document of this type lists manifests. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === ociTypes.index || mediaType === dockerTypes.index;
}

/** Whether a document of this type is one image's manifest. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === ociTypes.manifest || mediaType === dockerTypes.manifest;
}

/** The family that a manifest of this type belongs to; everything that is not Docker's is OCI. */
export function formatOf(mediaType: string | undefined): ManifestFormat {
  return mediaType === dockerTypes.manifest || mediaType === dockerTypes.index ? "docker" : "oci";
}

/** The config's media type in a manifest of this family. */
export function configTypeFor(format: ManifestFormat): string {
  return format === "docker" ? dockerTypes.config : ociTypes.config;
}

/** The manifest's media type in this family. */
export function manifestTypeFor(format: ManifestFormat): string {
  return format === "docker" ? dockerTypes.manifest : ociTypes.manifest;
}

/**
 * What a layer is called in a manifest of this family. Only the name changes, never a byte.
 * A type without a twin (foreign layers, zstd in OCI) stays as it is. Throws `INVALID_IMAGE` for zstd in Docker's.
 */
export function layerTypeFor(mediaType: string, format: ManifestFormat): string {
  if (format === "docker" && mediaType === ociTypes.layerZstd) {
    throw new TspackError(
      "INVALID_IMAGE",
      "a manifest in Docker's form cannot have a layer that is compressed with zstd",
      {
        hint: "build with --compression gzip, or on a base image with an OCI manifest",
      },
    );
  }
  const [from, to] = format === "docker" ? [ociTypes, dockerTypes] : [dockerTypes, ociTypes];
  if (mediaType === from.layerGzip) return to.layerGzip;
  if (mediaType === from.layerTar) return to.layerTar;
  return mediaType;
}
