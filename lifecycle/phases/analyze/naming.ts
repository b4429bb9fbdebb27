import { join } from "node:path";
import { hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
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

/** The name by which exactly this image is found again; in a container engine its ID, bare. */
export async function imageIdentifier(ref: ImageRef, image: Image, layoutDir: string | undefined): Promise<string> {
  if (image.engineId !== undefined) return hex(image.engineId);
  const place = layoutDir === undefined ? repositoryName(ref) : layoutPath(layoutDir, ref);
  return `${place}@${(await image.manifest()).digest}`;
}
