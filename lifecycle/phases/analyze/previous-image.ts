import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { Context } from "../../context.ts";
import { errorCode, TspackError } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";
import { parseDiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { noLayersMetadata } from "../no-layers-metadata.ts";
import { restoreLayer } from "../restore/extract.ts";

/** What the labels of the previous image say; `valid` is false when they cannot be read. */
export interface PreviousMetadata {
  readonly metadata: LayersMetadata;
  readonly valid: boolean;
}

/** Reads `io.buildpacks.lifecycle.metadata`. A label that cannot be read counts as none, as nothing can be reused then. */
export async function previousMetadata(image: Image, { logger }: Context): Promise<PreviousMetadata> {
  const labels = (await image.config()).value.config?.Labels ?? {};
  const label = labels["io.buildpacks.lifecycle.metadata"];
  if (label === undefined || label === "") return { metadata: noLayersMetadata, valid: true };
  try {
    return { metadata: decodeLayersMetadata(label), valid: true };
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    logger.debug(`Ignoring the metadata of the previous image: ${error.message}`);
    return { metadata: noLayersMetadata, valid: false };
  }
}

/** Unpacks the SBOM layer of the previous image, for restore to hand its files to the buildpacks. */
export async function restoreSbomLayer(image: Image, sha: string, layers: Place, ctx: Context): Promise<void> {
  ctx.logger.info("Restoring data for SBOM from previous image");
  ctx.logger.debug(`Retrieving previous image SBOM layer for ${JSON.stringify(sha)}`);
  try {
    const diffId = parseDiffId(sha, "io.buildpacks.lifecycle.metadata, sbom.sha");
    const layer = (await image.layers()).find((candidate) => candidate.diffId === diffId);
    if (layer === undefined) throw new TspackError("INVALID_IMAGE", `the image has no layer ${sha}`);
    await restoreLayer(layer, layers, "sbom", ctx);
  } catch (cause) {
    if (!(cause instanceof TspackError) || errorCode(cause) === "CANCELED") throw cause;
    throw new TspackError("ANALYZE_FAILED", `failed to analyze: retrieving launch SBOM layer: ${cause.message}`, {
      cause,
      hint: "the previous image is damaged; -skip-layers builds without it",
    });
  }
}
