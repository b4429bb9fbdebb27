import type { Context } from "../../context.ts";
import { InputError, TspackError } from "../../errors.ts";
import { packTar } from "../../layers/pack-tar.ts";
import type { Image } from "../../oci/image.ts";
import type { ContainerConfig } from "../../oci/image-config.ts";
import type { Layer } from "../../oci/layer.ts";
import { editContainer, layerHistory, mutate } from "../../oci/mutate.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { ExtensionLayerFact } from "./facts.ts";

/** What the extender made of the run image: the layers of extensions are there, those of the base are not. */
export interface ExtendedRunImage {
  readonly image: Image;
  /** For each layer of the image, base layer first, whether it can be read. */
  readonly present: readonly boolean[];
}

/** A layer that an image extension made. */
export interface ExtensionLayer {
  readonly id: string;
  /** The line of the extended image's history: `Layer: 'RUN …', Created by extension: <id>`. */
  readonly createdBy: string;
  readonly layer: Layer;
}

/**
 * Packs the layers that extensions made again, with the times and names of every layer. Platform
 * specification, exporter. Throws `INVALID_IMAGE` when one above the run image's is missing,
 * `INVALID_TAR`, `DIGEST_MISMATCH`.
 */
export async function packExtensionLayers(
  { image, present }: ExtendedRunImage,
  runImage: Image,
  { blobs, ctx }: { readonly blobs: BlobCache; readonly ctx: Context },
): Promise<readonly ExtensionLayer[]> {
  const [layers, config, base] = await Promise.all([image.layers(), image.config(), runImage.layers()]);
  const history = layerHistory(config.value.history, layers.length);
  const packed: ExtensionLayer[] = [];
  for (const [index, extended] of layers.entries()) {
    if (present[index] !== true) {
      if (index >= base.length) throw missingLayer(extended, index);
      continue;
    }
    const createdBy = history[index]?.created_by ?? "";
    const id = `${extensionOf(createdBy)}:extended-layer-${index}`;
    const layer = await packTar(extended.uncompressed(), blobs, { signal: ctx.signal });
    packed.push({ id, createdBy, layer });
  }
  return packed;
}

/** What the plan is told of such a layer. */
export function extensionFact({ id, createdBy, layer }: ExtensionLayer): ExtensionLayerFact {
  return { id, createdBy, diffId: layer.diffId };
}

function extensionOf(createdBy: string): string {
  return /, Created by extension: (.+)$/.exec(createdBy)?.[1] ?? "from extensions";
}

function missingLayer({ diffId }: Layer, index: number): InputError {
  const issue = {
    source: "the extended run image",
    path: `layers[${index}]`,
    expected: `layer ${diffId}`,
    got: "none",
  };
  return new InputError("INVALID_IMAGE", "the extended run image is not complete", [issue], {
    hint: "run the extender again; the run image may have changed since",
  });
}

/**
 * The run image with the configuration that extensions gave it; its layers stay. Throws
 * `IMAGE_NOT_FOUND` when it was to be extended and was not.
 */
export async function withExtendedConfig(
  runImage: Image,
  extend: boolean,
  extended: ExtendedRunImage | undefined,
): Promise<Image> {
  if (!extend) return runImage;
  if (extended === undefined) {
    throw new TspackError("IMAGE_NOT_FOUND", "failed to get extended image config: missing extended run image", {
      hint: "analyzed.toml says that the run image is extended: run the extender with -kind run before the exporter",
    });
  }
  const config: ContainerConfig = (await extended.image.config()).value.config ?? {};
  return mutate(
    runImage,
    editContainer(() => config),
  );
}
