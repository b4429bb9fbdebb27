import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { familiarName } from "../familiar-name.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";

/** The run image that applications may be based on. */
export interface NewRunImage {
  readonly ref: ImageRef;
  readonly architecture: string;
  /** Of its last layer. */
  readonly topLayer: DiffId | undefined;
}

const metadataLabel = "io.buildpacks.lifecycle.metadata";

/**
 * Whether an image is an application on an older form of this run image, so that a rebase would
 * give it the new one. Images that are something else, or for another processor, are not.
 */
export async function isOutdated(image: Image, { ref, architecture, topLayer }: NewRunImage): Promise<boolean> {
  const { value } = await image.config();
  const label = value.config?.Labels?.[metadataLabel] ?? "";
  if (label === "" || value.architecture !== architecture) return false;
  const { runImage, stack } = decodeLayersMetadata(label);
  const names = [runImage, stack?.runImage].flatMap((each) => [each?.image ?? "", ...(each?.mirrors ?? [])]);
  return names.some((name) => sameName(name, ref)) && runImage.topLayer !== topLayer;
}

function sameName(name: string, ref: ImageRef): boolean {
  return name !== "" && familiarName(parseReference(name, metadataLabel)) === familiarName(ref);
}
