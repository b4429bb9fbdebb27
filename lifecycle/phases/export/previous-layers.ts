import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import type { ExportInputs, ExportPorts } from "./inputs.ts";

/** Layers that need not be written anew. */
export interface PreviousLayers {
  readonly layers: ReadonlyMap<DiffId, Layer>;
  /** False in a container engine, where reading one layer means reading all. */
  readonly isStored: boolean;
}

/**
 * Begins to read the previous image, beside what comes before its layers are wanted; the result
 * gives them, none without such an image, and tells of them. It throws why the image cannot be
 * read: whatever fails before that has its own reason.
 */
export function readPrevious(
  { previousImage }: Pick<ExportInputs, "previousImage">,
  { images, ctx }: Pick<ExportPorts, "images" | "ctx">,
): () => Promise<PreviousLayers> {
  const resolved = resolve(previousImage, images);
  const read = resolved.then((image) => image?.layers());
  for (const promise of [resolved, read]) promise.catch(() => {});
  return async () => {
    const image = await resolved;
    if (image === undefined || previousImage === undefined) return { layers: new Map(), isStored: true };
    const isStored = image.engineId === undefined;
    if (isStored) ctx.logger.info(`Reusing layers from image '${previousImage.original}'`);
    else ctx.logger.debug(`Reusing layers from image with id '${previousImage.original}'`);
    return { layers: new Map((await read)?.map((layer) => [layer.diffId, layer])), isStored };
  };
}

async function resolve(ref: ExportInputs["previousImage"], images: ExportPorts["images"]): Promise<Image | undefined> {
  return ref === undefined ? undefined : images.resolve(ref);
}
