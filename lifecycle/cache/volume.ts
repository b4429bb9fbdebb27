import { access, constants, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { decodeCacheMetadata, encodeCacheMetadata } from "../cnb/files/lifecycle-metadata.ts";
import { errorCode, TspackError } from "../errors.ts";
import type { DiffId } from "../oci/digest.ts";
import type { Layer } from "../oci/layer.ts";
import type { LayerCache } from "./cache.ts";
import { staleStaging, stagingName } from "./staging.ts";
import { tarCopy } from "./tar-copy.ts";
import { hashFile, tarFileLayer, writeHashed } from "./tar-file-layer.ts";
import { type FileState, openVerifiedTars, stateOf } from "./verified-tars.ts";

/** The file, and in a cache image the label, that lists a cache's layers. */
export const cacheMetadataName = "io.buildpacks.lifecycle.cache.metadata";

/**
 * A cache in a directory, in the reference's layout: `committed/sha256:<hex>.tar`, uncompressed,
 * and `committed/io.buildpacks.lifecycle.cache.metadata`.
 *
 * Layers are named by their content, so a commit moves the new ones in beside the old, then
 * replaces the metadata in one rename, and only then removes what nobody names any more. A
 * process that is killed between two of these steps leaves the last build's cache whole.
 * The directory is created when it is missing. Throws what the file system throws, `DISK_FULL` when it is full.
 */
export async function openVolumeCache(dir: string, ctx: Context): Promise<LayerCache> {
  const committed = join(dir, "committed");
  await recoverBackup(dir, committed);
  await mkdir(committed, { recursive: true });
  const staging = join(dir, stagingName());
  const staged = new Set<DiffId>();
  const copied = new Set<DiffId>();
  const verified = openVerifiedTars(dir, () => ctx.clock().getTime());
  const fileOf = (id: DiffId): string => join(committed, `${id}.tar`);
  const look: LayerCache["lookup"] = async (id, options = {}) => {
    const state = await stateOf(fileOf(id));
    const isKnown = state !== undefined && verified.has(id, state);
    const check = async (): Promise<Error | undefined> => {
      const found = await hashFile(fileOf(id), ctx.signal);
      if (found !== id) return wrongContent(id, found);
      if (state !== undefined) verified.add(id, state);
      return undefined;
    };
    return lookup(fileOf(id), id, isKnown ? undefined : check, options.unchecked === true);
  };
  return {
    name: dir,
    metadata: async () => readMetadata(join(committed, cacheMetadataName), ctx),
    lookup: look,
    stage: async (layer) => {
      const { diffId } = layer;
      if (staged.has(diffId)) return;
      const present = await look(diffId);
      if (present.kind !== "hit" && !copied.has(diffId)) {
        await mkdir(staging, { recursive: true, mode: 0o700 });
        const path = join(staging, `${diffId}.tar`);
        const state = await whenDiskIsFull(dir, () => writeTar(path, layer, ctx.signal));
        if (state !== undefined) verified.add(diffId, state);
      }
      staged.add(diffId);
    },
    copy: () =>
      tarCopy(staging, async (diffId, path) => {
        const state = await stateOf(path);
        if (state === undefined) return;
        copied.add(diffId);
        verified.add(diffId, state);
      }),
    abandon: () => rm(staging, { recursive: true, force: true }),
    commit: async (metadata) => {
      await mkdir(staging, { recursive: true, mode: 0o700 });
      const path = join(staging, cacheMetadataName);
      try {
        await whenDiskIsFull(dir, () => writeSynced(path, encodeCacheMetadata(metadata)));
        await publish(staging, committed, staged);
      } catch (error) {
        // It would take space for a day, on a disk that may be full.
        await rm(staging, { recursive: true, force: true });
        throw error;
      }
      await removeUnnamed(committed, staged);
      await verified.save(new Map([...staged].map((id) => [id, fileOf(id)])));
      for (const left of await staleStaging(dir, ctx.clock()))
        await rm(join(dir, left), { recursive: true, force: true });
    },
  };
}

/** The reference keeps the old cache aside while it commits, and is killed sometimes; then the old one is the cache. */
async function recoverBackup(dir: string, committed: string): Promise<void> {
  if (await exists(committed)) return;
  await rename(join(dir, "committed-backup"), committed).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readMetadata(path: string, { logger }: Context): ReturnType<LayerCache["metadata"]> {
  try {
    return decodeCacheMetadata(await readFile(path), path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { buildpacks: [] };
    if (!(error instanceof TspackError)) throw error;
    // Damaged metadata is a cache that holds nothing: a build has to go on without a cache.
    logger.warn(`Ignoring the cache because its metadata cannot be read: ${error.message}`);
    return { buildpacks: [] };
  }
}

async function lookup(
  path: string,
  id: DiffId,
  check: (() => Promise<Error | undefined>) | undefined,
  unchecked: boolean,
): ReturnType<LayerCache["lookup"]> {
  try {
    const { size } = await stat(path);
    const layer = tarFileLayer(path, id, size);
    if (check === undefined) return { kind: "hit", layer };
    if (unchecked) return await access(path, constants.R_OK).then(() => ({ kind: "hit", layer, check }));
    const cause = await check();
    return cause === undefined ? { kind: "hit", layer } : { kind: "corrupt", cause };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { kind: "miss" };
    if (errorCode(error) === "EACCES") {
      return corrupt(`failed to read cache layer with SHA '${id}' due to insufficient permissions`);
    }
    throw error;
  }
}

/** Writes a layer's tar, hashed on its way; the result is the state of the whole file. */
async function writeTar(path: string, layer: Layer, signal: AbortSignal): Promise<FileState | undefined> {
  try {
    const found = await writeHashed(path, layer.uncompressed(), signal);
    if (found === layer.diffId) return await stateOf(path);
    throw new TspackError("DIGEST_MISMATCH", `layer ${layer.diffId} was not cached: its content is ${found}`);
  } catch (error) {
    // A commit publishes all that lies here, so nothing half-written may stay.
    await rm(path, { force: true });
    throw error;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Layers first, metadata last: whoever reads the metadata finds what it names. */
async function publish(staging: string, committed: string, staged: ReadonlySet<DiffId>): Promise<void> {
  for (const name of await readdir(staging)) {
    // A layer may have been copied and then not been staged, because its image has it and the cache not.
    if (name !== cacheMetadataName && isStaged(name, staged)) await rename(join(staging, name), join(committed, name));
  }
  await rename(join(staging, cacheMetadataName), join(committed, cacheMetadataName));
  await rm(staging, { recursive: true, force: true });
}

function isStaged(name: string, staged: ReadonlySet<DiffId>): boolean {
  return staged.has(name.replace(/\.tar$/, "") as DiffId);
}

async function removeUnnamed(committed: string, staged: ReadonlySet<DiffId>): Promise<void> {
  for (const name of await readdir(committed)) {
    const kept = name === cacheMetadataName || isStaged(name, staged);
    if (!kept) await rm(join(committed, name), { recursive: true, force: true });
  }
}

async function whenDiskIsFull<T>(dir: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (errorCode(cause) !== "ENOSPC" && errorCode(cause) !== "EDQUOT") throw cause;
    throw new TspackError("DISK_FULL", `no space left for the build cache in ${dir}`, {
      cause,
      hint: "free some space there, or choose another place for the cache",
    });
  }
}

function wrongContent(id: DiffId, found: DiffId): TspackError {
  return new TspackError("DIGEST_MISMATCH", `expected layer contents to have SHA '${id}'; found '${found}'`);
}

function corrupt(message: string): { readonly kind: "corrupt"; readonly cause: Error } {
  return { kind: "corrupt", cause: new TspackError("DIGEST_MISMATCH", message) };
}
