import { resolve } from "node:path";
import type { ImageRef } from "../../oci/reference.ts";
import type { CacheRequest } from "../build/request.ts";
import type { ResolvedRequest } from "../build/resolve-request.ts";
import { privateDirectory } from "../places.ts";
import type { Tools } from "../tools.ts";
import { cacheLabels, type CachePurpose, cacheVolumeName, volumeKey, volumeKeyFile } from "./cache-volumes.ts";
import { createVolume, removeVolume } from "./containers.ts";
import { noteUse } from "./kept-volumes.ts";
import type { BuildEngine } from "./with-engine.ts";

/** Where a build in containers keeps layers for the next one. */
export interface CachePlaces {
  /** A volume or a directory of the engine's machine; undefined beside a cache image. */
  readonly buildCache: string | undefined;
  /** Only for images of the engine: a registry has the layers itself. */
  readonly launchCache: string | undefined;
  readonly cacheImage: string | undefined;
}

/**
 * The caches of a build: those of `--cache` and `--cache-image`, else volumes named after the image.
 * `--clear-cache` empties the build cache before. Throws `ENGINE_ERROR`.
 */
export async function cachePlaces(build: {
  readonly resolved: ResolvedRequest;
  readonly tools: Tools;
  readonly engine: BuildEngine;
}): Promise<CachePlaces> {
  const { request, names, output } = build.resolved;
  const [main] = names;
  if (main === undefined) throw new Error("an image needs a name");
  const asked = (type: CacheRequest["type"]): CacheRequest | undefined =>
    request.caches?.findLast((cache) => cache.type === type);
  const buildCache = asked("build");
  const cacheImage = request.cacheImage ?? (buildCache?.format === "image" ? buildCache.source : undefined);
  return {
    cacheImage,
    buildCache: cacheImage === undefined ? await place("build", buildCache, main, build) : undefined,
    launchCache: output.kind === "engine" ? await place("launch", asked("launch"), main, build) : undefined,
  };
}

async function place(
  purpose: CachePurpose,
  asked: CacheRequest | undefined,
  main: ImageRef,
  { resolved, tools, engine }: Parameters<typeof cachePlaces>[0],
): Promise<string> {
  const { machine, places } = tools;
  // Podman, other than Docker, mounts no directory that is not there.
  if (asked?.format === "bind") return privateDirectory(resolve(machine.cwd, asked.source));
  const key = await volumeKey(volumeKeyFile(places), machine.env["PACK_VOLUME_KEY"]);
  const name = asked?.source ?? cacheVolumeName(main, purpose, key);
  const { connection } = engine.open;
  if (purpose === "build" && resolved.request.clearCache === true) await removeVolume(connection, name);
  await createVolume(connection, name, cacheLabels(key));
  await noteUse(places, name);
  tools.ctx.logger.debug(`Using ${purpose} cache volume ${name}`);
  return name;
}
