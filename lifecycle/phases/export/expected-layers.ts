import type { LayerCache } from "../../cache/cache.ts";
import type { LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";

/**
 * The DiffIDs that the previous image's label and the cache name: layers that a build mostly
 * makes again as they were. Empty for a first build. A wrong one costs time and nothing else.
 */
export async function expectedLayers(
  previous: LayersMetadata,
  cache: LayerCache | undefined,
): Promise<ReadonlySet<string>> {
  const { app, sbom, buildpacks, config, launcher, processTypes } = previous;
  // Whoever exports the cache will read it again, and then warns of what is wrong with it.
  const cached = await cache?.metadata().catch(() => undefined);
  const named = [
    ...[...app, sbom, config, launcher, processTypes, cached?.sbom].map((layer) => layer?.sha),
    ...[...buildpacks, ...(cached?.buildpacks ?? [])].flatMap(({ layers }) =>
      Object.values(layers).map(({ sha }) => sha),
    ),
  ];
  return new Set(named.filter((sha): sha is string => sha !== undefined && sha !== ""));
}
