import { InputError } from "../errors.ts";
import { type Descriptor, type Platform, present, readDescriptor, writableDescriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { goJson, sortedMap } from "./go-json.ts";
import { readJson } from "./json-reader.ts";
import { formatOf, isIndexType, isManifestType, layerTypeFor } from "./media-type.ts";
import { type Raw, rawJson } from "./raw.ts";

/** An image manifest, of OCI or Docker type; keys unknown to us are kept in `Raw.bytes` only. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image index or a Docker manifest list. */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Reads an image manifest; `source` names it in errors. Throws `INVALID_IMAGE` with everything that is wrong. */
export function decodeManifest(bytes: Uint8Array, source: string): Raw<Manifest> {
  const { document, reader } = readJson(bytes, source, "INVALID_IMAGE");
  const fields = reader.object(document, "");
  if (fields["schemaVersion"] !== 2) reader.issue("schemaVersion", "2", fields["schemaVersion"]);
  const mediaType = reader.optionalString(fields["mediaType"], "mediaType");
  if (mediaType !== undefined && !isManifestType(mediaType)) {
    reader.issue("mediaType", "an OCI or Docker image manifest", mediaType);
  }
  const optional = {
    mediaType,
    artifactType: reader.optionalString(fields["artifactType"], "artifactType"),
    subject: fields["subject"] === undefined ? undefined : readDescriptor(fields["subject"], "subject", reader),
    annotations: reader.stringMap(fields["annotations"], "annotations"),
  };
  const value: Manifest = {
    schemaVersion: 2,
    config: readDescriptor(fields["config"], "config", reader),
    layers: reader
      .array(fields["layers"], "layers")
      .map((layer, index) => readDescriptor(layer, `layers[${index}]`, reader)),
    ...present(optional),
  };
  reader.finish(`${source} is not a valid image manifest`);
  return { value, bytes, digest: digestOf(bytes) };
}

/** Reads an image index or manifest list. Throws `INVALID_IMAGE` with everything that is wrong. */
export function decodeIndex(bytes: Uint8Array, source: string): Raw<Index> {
  const { document, reader } = readJson(bytes, source, "INVALID_IMAGE");
  const fields = reader.object(document, "");
  if (fields["schemaVersion"] !== 2) reader.issue("schemaVersion", "2", fields["schemaVersion"]);
  const mediaType = reader.optionalString(fields["mediaType"], "mediaType");
  if (mediaType !== undefined && !isIndexType(mediaType)) {
    reader.issue("mediaType", "an OCI index or a Docker manifest list", mediaType);
  }
  const value: Index = {
    schemaVersion: 2,
    manifests: reader
      .array(fields["manifests"], "manifests")
      .map((item, index) => readDescriptor(item, `manifests[${index}]`, reader)),
    ...present({
      mediaType,
      artifactType: reader.optionalString(fields["artifactType"], "artifactType"),
      subject: fields["subject"] === undefined ? undefined : readDescriptor(fields["subject"], "subject", reader),
      annotations: reader.stringMap(fields["annotations"], "annotations"),
    }),
  };
  reader.finish(`${source} is not a valid image index`);
  return { value, bytes, digest: digestOf(bytes) };
}

/** Writes a manifest in the reference's order of keys; layers get the type names of the manifest's family. */
export function encodeManifest(manifest: Manifest): Raw<Manifest> {
  const format = formatOf(manifest.mediaType);
  const layers = manifest.layers.map((layer) => ({ ...layer, mediaType: layerTypeFor(layer.mediaType, format) }));
  const value: Manifest = { ...manifest, layers };
  const text = goJson({
    schemaVersion: value.schemaVersion,
    mediaType: value.mediaType,
    artifactType: value.artifactType,
    config: writableDescriptor(value.config),
    layers: value.layers.map(writableDescriptor),
    annotations: value.annotations === undefined ? undefined : sortedMap(value.annotations),
    subject: value.subject === undefined ? undefined : writableDescriptor(value.subject),
  });
  return rawJson(value, text);
}

/** Writes an index in the reference's order of keys. */
export function encodeIndex(index: Index): Raw<Index> {
  const text = goJson({
    schemaVersion: index.schemaVersion,
    mediaType: index.mediaType,
    artifactType: index.artifactType,
    manifests: index.manifests.map(writableDescriptor),
    subject: index.subject === undefined ? undefined : writableDescriptor(index.subject),
    annotations: index.annotations === undefined ? undefined : sortedMap(index.annotations),
  });
  return rawJson(index, text);
}

/**
 * The manifest of an index for a platform, the first that fits. A platform without a variant
 * takes any; arm64 without a variant is v8. Undefined when there is none.
 */
export function selectPlatform(index: Index, platform: Platform): Descriptor | undefined {
  const manifests = index.manifests.filter((item) => isManifestType(item.mediaType));
  const fitting = manifests.filter(
    ({ platform: has }) => has?.os === platform.os && has.architecture === platform.architecture,
  );
  const exact = fitting.find(({ platform: has }) => variantOf(has) === variantOf(platform));
  if (exact !== undefined || platform.variant !== undefined) return exact;
  return fitting[0];
}

function variantOf(platform: Platform | undefined): string {
  const variant = platform?.variant ?? "";
  return variant === "" && platform?.architecture === "arm64" ? "v8" : variant;
}

/** Checks bytes against the descriptor that led to them. Throws `DIGEST_MISMATCH`, naming `source`. */
export function checkBlob(bytes: Uint8Array, descriptor: Pick<Descriptor, "digest" | "size">, source: string): void {
  const digest = digestOf(bytes);
  const issues = [];
  if (bytes.length !== descriptor.size) {
    issues.push({ source, path: "size", expected: `${descriptor.size} bytes`, got: `${bytes.length} bytes` });
  }
  if (digest !== descriptor.digest) {
    issues.push({ source, path: "digest", expected: descriptor.digest, got: digest });
  }
  if (issues.length === 0) return;
  throw new InputError("DIGEST_MISMATCH", `the content of ${source} is not what its descriptor says`, issues, {
    hint: "the store or the connection damaged it; fetch or push the image again",
  });
}
