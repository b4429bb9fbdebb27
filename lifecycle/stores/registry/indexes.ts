import { RemoteError } from "../../errors.ts";
import { decodeIndex, type Index } from "../../oci/manifest.ts";
import { isIndexType, ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { Client } from "./client.ts";
import { getManifest, putManifest, type StoredManifest } from "./manifests.ts";

/** Whether what a registry answered with lists manifests. */
export function isIndex(manifest: StoredManifest): boolean {
  if (isIndexType(manifest.mediaType)) return true;
  // Some registries answer with a general type; the document itself is what counts.
  return !manifest.mediaType.includes("manifest") && /"manifests"\s*:/.test(Buffer.from(manifest.bytes).toString());
}

/** Reads an index; undefined when there is none of that name, or an image. Throws as `getManifest`. */
export async function readIndex(client: Client, ref: ImageRef): Promise<Raw<Index> | undefined> {
  const repository = client.repository(ref.registry, ref.repository, "source");
  const found = await getManifest(repository, ref.digest ?? ref.tag ?? "latest");
  return found === undefined || !isIndex(found) ? undefined : decodeIndex(found.bytes, ref.original);
}

/**
 * Writes an index, whose manifests are in the repository already. Throws `REGISTRY_ERROR` when the
 * registry does not find one of them, and as `putManifest`.
 */
export async function writeIndex(client: Client, index: Raw<Index>, ref: ImageRef): Promise<void> {
  const repository = client.repository(ref.registry, ref.repository, "destination");
  const mediaType = index.value.mediaType ?? ociTypes.index;
  if ((await putManifest(repository, ref.tag ?? index.digest, index, mediaType)) === "written") return;
  const url = `${ref.registry}/v2/${ref.repository}/manifests/${ref.tag ?? index.digest}`;
  const details = { status: 404, method: "PUT", url, remoteCode: "MANIFEST_BLOB_UNKNOWN", side: repository.side };
  throw new RemoteError("REGISTRY_ERROR", `${ref.registry} does not find the images of ${ref.original}`, details, {
    hint: "send them into the same repository first",
  });
}
