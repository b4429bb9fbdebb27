import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { GroupElement } from "../cnb/files/group.ts";
import { encodeRestoredLayer } from "../cnb/files/layer-toml.ts";
import type { BuildpackLayersMetadata, CacheMetadata, LayersMetadata } from "../cnb/files/lifecycle-metadata.ts";
import { encodeStoreToml } from "../cnb/files/store-toml.ts";
import { escapeId } from "../cnb/ids.ts";
import { type BatchThread, withBatchThread } from "../layers/batch-thread.ts";
import { checkGroupIds } from "./buildpack-store.ts";
import { writeTextFile } from "./files.ts";
import { inParallel } from "./in-parallel.ts";
import { phaseError } from "./reason.ts";
import { restoreCached } from "./restore/cached-layer.ts";
import type { LayerState, RestoredLayer, RestoreInputs, RestorePorts, RestoreResult } from "./restore/inputs.ts";
import { decideLayers } from "./restore/layer-decisions.ts";
import { handOutSboms, restoreSbomFromCache } from "./restore/sbom.ts";

export type { LayerState, RestoredLayer, RestoreInputs, RestorePorts, RestoreResult } from "./restore/inputs.ts";
export { checkRunImage } from "./restore/run-image.ts";
export { type BaseImageInputs, type BaseImagePorts, updateBaseImages } from "./restore/base-images.ts";

/** A layer whose metadata file was written, with the DiffID that it stands for. */
interface Candidate {
  readonly buildpack: GroupElement;
  readonly name: string;
  readonly sha: string;
  readonly from: "cache" | "previous-image";
}

/**
 * Gives the buildpacks back what the last build left: `store.toml`, metadata files, the content
 * of cached layers, and SBOM files. A damaged or missing cache entry is warned about and skipped.
 * Platform specification, restorer. Throws `RESTORE_FAILED`.
 */
export async function restore(inputs: RestoreInputs, ports: RestorePorts): Promise<RestoreResult> {
  try {
    return await restoreAll(inputs, ports);
  } catch (error) {
    throw phaseError(error, "RESTORE_FAILED", "restore", []);
  }
}

async function restoreAll(inputs: RestoreInputs, ports: RestorePorts): Promise<RestoreResult> {
  const { cache, ctx } = ports;
  checkGroupIds(inputs.buildpacks);
  const cached = await cacheMetadata(ports);
  ctx.logger.debug("Restoring Layer Metadata");
  restoreStores(inputs);
  const candidates = inputs.skipLayers ? skipped(ports) : restoreMetadata(inputs, cached, ports);
  const layers = await restoreData(inputs, cached, candidates, ports);
  if (inputs.features.sbom && !inputs.skipLayers) {
    const sha = cached.sbom?.sha ?? "";
    if (cache !== undefined && sha !== "") await restoreSbomFromCache(cache, sha, inputs.layers, ctx);
    await handOutSboms(inputs.buildpacks, inputs.layers);
  }
  return { layers };
}

async function cacheMetadata({ cache, ctx }: RestorePorts): Promise<CacheMetadata> {
  if (cache !== undefined) return cache.metadata();
  ctx.logger.debug("Usable cache not provided, using empty cache metadata");
  return { buildpacks: [] };
}

function skipped({ ctx }: RestorePorts): readonly Candidate[] {
  ctx.logger.info("Skipping buildpack layer analysis");
  return [];
}

function restoreStores({ buildpacks, metadata, layers }: RestoreInputs): void {
  for (const { id } of buildpacks) {
    const store = recorded(metadata, id)?.store;
    if (store !== undefined) writeTextFile(join(layers.path, escapeId(id), "store.toml"), encodeStoreToml(store));
  }
}

function restoreMetadata(
  { buildpacks, metadata, layers, features }: RestoreInputs,
  cached: CacheMetadata,
  { ctx: { logger } }: RestorePorts,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const buildpack of buildpacks) {
    const image = recorded(metadata, buildpack.id)?.layers ?? {};
    for (const decision of decideLayers(image, recorded(cached, buildpack.id)?.layers ?? {}, features)) {
      const { name, layer } = decision;
      const label = JSON.stringify(`${buildpack.id}:${name}`);
      if (decision.kind === "skip") {
        logger.debug(`Not restoring ${label}, ${decision.reason}`);
      } else if (!isLayerName(name)) {
        logger.warn(`Skipping restore for layer ${buildpack.id}:${name}: ${label} is no layer name`);
      } else {
        logger.info(`Restoring metadata for ${label} from ${decision.from === "cache" ? "cache" : "app image"}`);
        writeTextFile(join(layers.path, escapeId(buildpack.id), `${name}.toml`), encodeRestoredLayer(layer.data));
        candidates.push({ buildpack, name, sha: layer.sha, from: decision.from });
      }
    }
  }
  return candidates;
}

async function restoreData(
  inputs: RestoreInputs,
  cached: CacheMetadata,
  candidates: readonly Candidate[],
  ports: RestorePorts,
): Promise<readonly RestoredLayer[]> {
  const ofCache = inputs.buildpacks.flatMap((buildpack) =>
    Object.entries(recorded(cached, buildpack.id)?.layers ?? {})
      .filter(([name, layer]) => layer.cache && isLayerName(name))
      .map(([name, layer]) => ({ buildpack, name, sha: layer.sha })),
  );
  const metadataOnly = candidates
    .filter((one) => !ofCache.some((other) => isSame(one, other)))
    .map((one) => restored(one, { kind: "restored", from: one.from }));
  const withData = await withBatchThread((thread) =>
    inParallel(ofCache, 4, async (layer) => {
      const candidate = candidates.find((one) => isSame(one, layer));
      return restored(layer, await restoreContent(layer, candidate, inputs, ports, thread));
    }),
  );
  return [...metadataOnly, ...withData].sort(
    (a, b) =>
      inputs.buildpacks.findIndex((buildpack) => buildpack.id === a.buildpackId) -
        inputs.buildpacks.findIndex((buildpack) => buildpack.id === b.buildpackId) || (a.name < b.name ? -1 : 1),
  );
}

/** Fills the directory of a cached layer, or removes what is there of one that is not the cache's. */
async function restoreContent(
  { buildpack, name, sha }: Omit<Candidate, "from">,
  candidate: Candidate | undefined,
  { layers }: RestoreInputs,
  { cache, trees, known, ctx }: RestorePorts,
  thread: () => Promise<BatchThread | undefined>,
): Promise<LayerState> {
  const label = `${buildpack.id}:${name}`;
  const path = join(layers.path, escapeId(buildpack.id), name);
  if (cache === undefined || candidate?.sha !== sha) {
    if (!existsSync(path) && !existsSync(`${path}.toml`)) return { kind: "empty", cause: "new" };
    ctx.logger.info(`Removing ${JSON.stringify(label)}, wrong sha`);
    ctx.logger.debug(`Layer sha: ${JSON.stringify(candidate?.sha ?? "")}, cache sha: ${JSON.stringify(sha)}`);
    for (const file of [path, `${path}.sha`, `${path}.toml`]) await rm(file, { recursive: true, force: true });
    return { kind: "empty", cause: "stale" };
  }
  ctx.logger.info(`Restoring data for ${JSON.stringify(label)} from cache`);
  const place = { ...layers, path, name: join(layers.name, escapeId(buildpack.id), name) };
  // The cache need not be asked: what is in place is the layer, whatever became of the cache's copy.
  const isThere = existsSync(path) && (await known?.find(place, (diffId) => diffId === sha, ctx.signal)) !== undefined;
  if (isThere) return { kind: "restored", from: "cache" };
  if ((await trees?.take(sha, path, ctx.signal)) === true) return { kind: "restored", from: "cache" };
  const outcome = await restoreCached(cache, sha, { layers, directory: escapeId(buildpack.id), name }, ctx, thread);
  if (outcome.kind === "restored") return { kind: "restored", from: "cache" };
  ctx.logger.warn(`Skipping restore for layer ${label}: ${outcome.reason}`);
  await rm(path, { recursive: true, force: true });
  return { kind: "empty", cause: "corrupt" };
}

function recorded(metadata: LayersMetadata | CacheMetadata, id: string): BuildpackLayersMetadata | undefined {
  return metadata.buildpacks.find((buildpack) => buildpack.key === id);
}

/** Names come from a label or a cache that somebody else may have written: they must not lead out of the directory. */
function isLayerName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

function isSame(a: Omit<Candidate, "from" | "sha">, b: Omit<Candidate, "from" | "sha">): boolean {
  return a.buildpack.id === b.buildpack.id && a.name === b.name;
}

function restored({ buildpack, name }: Omit<Candidate, "from" | "sha">, state: LayerState): RestoredLayer {
  return { buildpackId: buildpack.id, name, state };
}
