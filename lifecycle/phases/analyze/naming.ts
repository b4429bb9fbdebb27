import { join } from "node:path";
import type { Digest } from "../../oci/digest.ts";
import { type ImageRef, repositoryName } from "../../oci/reference.ts";

/** The directory of an image that is kept as an OCI layout. Platform specification, OCI image layout. */
export function layoutPath(layoutDir: string, ref: ImageRef): string {
  const version = ref.digest === undefined ? (ref.tag ?? "latest") : ref.digest.replace(":", "/");
  return join(layoutDir, repositoryName(ref), version);
}

/** What messages and `analyzed.toml` call an image: as it was given, or the path of its layout. */
export function imageName(ref: ImageRef, layoutDir: string | undefined): string {
  return layoutDir === undefined ? ref.original : layoutPath(layoutDir, ref);
}

/** The name by which exactly this image is found again. */
export function imageIdentifier(ref: ImageRef, digest: Digest, layoutDir: string | undefined): string {
  const place = layoutDir === undefined ? repositoryName(ref) : layoutPath(layoutDir, ref);
  return `${place}@${digest}`;
}
