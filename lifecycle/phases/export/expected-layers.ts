import type { LayerCache } from "../../cache/cache.ts";
import type { LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";

/** DiffIDs of layers that a build mostly makes again as they were. A wrong one costs time and nothing else. */
export interface ExpectedLayers {
  /** Those that the previous image's label or the cache names; none for a first build. */
  readonly all: ReadonlySet<string>;
  /** Those that the cache names. */
  readonly cached: ReadonlySet<string>;
}

/** The layers that the build before left. */
export async function expectedLayers(previous: LayersMetadata, cache: LayerCache | undefined): Promise<ExpectedLayers> {
  const { app, sbom, buildpacks, config, launcher, processTypes } = previous;
  // Whoever exports the cache will read it again, and then warns of what is wrong with it.
  const kept = await cache?.metadata().catch(() => undefined);
  const inImage = [...[...app, sbom, config, launcher, processTypes].map((layer) => layer?.sha), ...shas(buildpacks)];
  const cached = named([kept?.sbom?.sha, ...shas(kept?.buildpacks ?? [])]);
  return { all: new Set([...named(inImage), ...cached]), cached };
}

function shas(buildpacks: LayersMetadata["buildpacks"]): readonly (string | undefined)[] {
  return buildpacks.flatMap(({ layers }) => Object.values(layers).map(({ sha }) => sha));
}

function named(found: readonly (string | undefined)[]): ReadonlySet<string> {
  return new Set(found.filter((sha): sha is string => sha !== undefined && sha !== ""));
}
