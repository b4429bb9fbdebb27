import type { LayerCache } from "../../cache/cache.ts";
import type { BuildpackLayersMetadata, CacheMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { KeptTrees } from "../../layers/kept-trees.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import { sbomDirectory } from "./collect.ts";
import type { ExportInputs } from "./inputs.ts";
import { type DiskLayer, readBuildpackDir } from "./layers-dir.ts";
import type { Packer } from "./packer.ts";
import { recordedLayers } from "./plan-layers.ts";

/** What caching works with. */
interface CachePorts {
  readonly cache: LayerCache;
  readonly packer: Packer;
  readonly trees: KeptTrees | undefined;
  readonly ctx: Context;
}

/**
 * Keeps the layers with `cache = true` for the next build. The image is what counts, so a cache
 * that cannot be written is warned about and no failure. Throws `CANCELED` only.
 */
export async function exportCache(inputs: ExportInputs, ports: CachePorts): Promise<void> {
  try {
    await keepLayers(inputs, ports);
  } catch (error) {
    if (isCanceled(error, ports)) throw canceled(error);
    ports.ctx.logger.warn(`Failed to export cache: ${messageOf(error)}`);
  }
}

async function keepLayers(inputs: ExportInputs, ports: CachePorts): Promise<void> {
  const before = await ports.cache.metadata();
  const buildpacks: BuildpackLayersMetadata[] = [];
  for (const buildpack of inputs.buildpacks) buildpacks.push(await keepBuildpack(buildpack, inputs, before, ports));
  const place = sbomDirectory(inputs, "cache");
  const sbom =
    place === undefined
      ? undefined
      : { sha: await keep("buildpacksio/lifecycle:cache.sbom", ports.packer.forCache(place), before.sbom?.sha, ports) };
  await ports.cache.commit({ buildpacks, ...(sbom === undefined ? {} : { sbom }) });
}

async function keepBuildpack(
  buildpack: GroupElement,
  { layers }: ExportInputs,
  before: CacheMetadata,
  ports: CachePorts,
): Promise<BuildpackLayersMetadata> {
  const recorded = recordedLayers(before, buildpack.id);
  const kept: (readonly [name: string, layer: BuildpackLayersMetadata["layers"][string]])[] = [];
  for (const layer of readBuildpackDir(layers, buildpack).layers) {
    if (!layer.toml.cache) continue;
    const sha = await tryToKeep(layer, recorded?.[layer.name]?.sha, ports);
    const { build, launch, cache, metadata } = layer.toml;
    if (sha !== undefined) kept.push([layer.name, { sha, data: metadata, build, launch, cache }]);
  }
  return { key: buildpack.id, version: buildpack.version, layers: Object.fromEntries(kept) };
}

/** The layer's DiffID; undefined, with a warning, when it cannot be kept. */
async function tryToKeep(layer: DiskLayer, before: string | undefined, ports: CachePorts): Promise<string | undefined> {
  const { logger } = ports.ctx;
  if (layer.place === undefined) {
    logger.warn(`Failed to cache layer '${layer.id}' because it has no contents`);
    return undefined;
  }
  try {
    const { packer } = ports;
    const packed = layer.toml.launch ? packer.directory(layer.place, true) : packer.forCache(layer.place);
    const diffId = await keep(layer.id, packed, before, ports);
    ports.trees?.packed(diffId, layer.place.path);
    return diffId;
  } catch (error) {
    if (isCanceled(error, ports)) throw canceled(error);
    logger.warn(`Failed to cache layer '${layer.id}': ${messageOf(error)}`);
    return undefined;
  }
}

async function keep(
  id: string,
  packed: Promise<Layer>,
  before: string | undefined,
  { cache, ctx: { logger } }: CachePorts,
): Promise<DiffId> {
  const layer = await packed;
  const found = layer.diffId === before ? await cache.lookup(layer.diffId) : undefined;
  if (found?.kind === "corrupt") logger.warn(`Skipping reuse for layer ${id}: ${found.cause.message}`);
  if (found?.kind === "miss") {
    logger.warn(`Skipping reuse for layer ${id}: failed to find cache layer with SHA '${layer.diffId}'`);
  }
  logger.info(`${found?.kind === "hit" ? "Reusing" : "Adding"} cache layer '${id}'`);
  logger.debug(`Layer '${id}' SHA: ${layer.diffId}`);
  await cache.stage(layer);
  return layer.diffId;
}

function isCanceled(error: unknown, { ctx }: CachePorts): boolean {
  return ctx.signal.aborted || (error instanceof TspackError && error.code === "CANCELED");
}

function canceled(cause: unknown): TspackError {
  return cause instanceof TspackError ? cause : new TspackError("CANCELED", "caching was stopped", { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
