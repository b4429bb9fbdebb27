import type { LayerCache } from "../../cache/cache.ts";
import type { Context } from "../../context.ts";
import type { Image } from "../../oci/image.ts";
import type { ExportPlan } from "./plan.ts";

/**
 * Keeps the layers that the build put on the run image, so that the next build need not ask the
 * container engine for them. The image is there already, so a failure is warned about. Throws
 * nothing but `CANCELED`. Platform specification, exporter, "launch cache".
 */
export async function keepLaunchLayers(
  plan: ExportPlan,
  image: Image,
  cache: LayerCache,
  { logger, signal }: Context,
): Promise<void> {
  const wanted = new Set(plan.layers.map(({ diffId }) => diffId));
  try {
    for (const layer of await image.layers()) if (wanted.has(layer.diffId)) await cache.stage(layer);
    await cache.commit({ buildpacks: [] });
  } catch (error) {
    if (signal.aborted) throw error;
    logger.warn(`Failed to export launch cache: ${error instanceof Error ? error.message : String(error)}`);
  }
}
