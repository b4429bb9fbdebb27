import { existsSync } from "node:fs";
import { chmod, copyFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { GroupElement } from "../../cnb/files/group.ts";
import { escapeId } from "../../cnb/ids.ts";
import type { LayerCache } from "../../cache/cache.ts";
import type { Context } from "../../context.ts";
import { errorCode } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";
import { restoreCached } from "./cached-layer.ts";

/**
 * Unpacks the SBOM layer of the cache. One that is missing or damaged is warned about: the
 * buildpacks then write their SBOM again, which is better than a cache that fails every build.
 */
export async function restoreSbomFromCache(cache: LayerCache, sha: string, layers: Place, ctx: Context): Promise<void> {
  ctx.logger.info("Restoring data for SBOM from cache");
  ctx.logger.debug(`Retrieving SBOM layer data for ${JSON.stringify(sha)}`);
  const restored = await restoreCached(cache, sha, { layers, directory: "sbom" }, ctx);
  if (restored.kind === "failed") ctx.logger.warn(`Skipping restore for SBOM: ${restored.reason}`);
}

/**
 * Hands the SBOM files below `<layers>/sbom/{cache,launch}` to the buildpacks of the group, as
 * `<layers>/<buildpack>/<layer>.sbom.<ext>`, and removes that directory. Buildpacks that got
 * nothing else have no directory and get no SBOM either.
 */
export async function handOutSboms(buildpacks: readonly GroupElement[], layers: Place): Promise<void> {
  const root = join(layers.path, "sbom");
  const ids = new Set(buildpacks.map(({ id }) => escapeId(id)));
  for (const origin of await directories(root, ["cache", "launch"])) {
    for (const id of await directories(join(root, origin), [...ids])) {
      const destination = join(layers.path, id);
      if (existsSync(destination)) await copySboms(join(root, origin, id), destination);
    }
  }
  await rm(root, { recursive: true, force: true });
}

async function copySboms(from: string, to: string): Promise<void> {
  for (const layer of await directories(from)) {
    for (const file of await readdir(join(from, layer), { withFileTypes: true })) {
      if (!file.isFile() || !/^sbom.+json$/.test(file.name)) continue;
      const target = join(to, `${layer}.${file.name}`);
      await rm(target, { recursive: true, force: true });
      await copyFile(join(from, layer, file.name), target);
      await chmod(target, 0o644);
    }
  }
}

/** The directories in a directory, of the wanted names when there are any; links do not count, wherever they lead. */
async function directories(path: string, wanted?: readonly string[]): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    return names.filter((name) => wanted?.includes(name) ?? true).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
