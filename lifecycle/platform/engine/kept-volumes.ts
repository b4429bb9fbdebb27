import { createHash } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import type { EngineConnection } from "../../stores/engine/connection.ts";
import { seemsToHaveEngine } from "../image-places/open-places.ts";
import { type Places, privateDirectory } from "../places.ts";
import type { Tools } from "../tools.ts";
import { cacheLabel, cacheLabels, knownVolumeKey, volumeKeyFile } from "./cache-volumes.ts";
import { removeVolume } from "./containers.ts";
import { namedEngine, openSoon } from "./open-soon.ts";

/** A cache volume of this person in a container engine. */
export interface KeptVolume {
  readonly name: string;
  /** The engine, as people are told of it. */
  readonly engine: string;
  /** Undefined when the engine does not tell, or not soon. */
  readonly bytes: number | undefined;
  /** Milliseconds since 1970: the last build of this machine with it, else when it was made. */
  readonly used: number;
}

/** Which volumes go: as `PruneCachesOptions` has it for other caches. */
export interface PruneVolumesOptions {
  /** Milliseconds for which it was not used. */
  readonly olderThan: number;
  readonly dryRun: boolean;
}

/** Milliseconds for an engine to count what is in its volumes. */
const patience = 20_000;

/** Remembers that a build uses a volume now. */
export async function noteUse(places: Pick<Places, "engineVolumes">, volume: string): Promise<void> {
  await privateDirectory(places.engineVolumes);
  await writeFile(noteOf(places, volume), `${volume}\n`, { mode: 0o600 });
}

/** Names of volumes may be anybody's: they are no names of files. */
function noteOf({ engineVolumes }: Pick<Places, "engineVolumes">, volume: string): string {
  return join(engineVolumes, createHash("sha256").update(volume).digest("hex").slice(0, 32));
}

/**
 * This person's cache volumes in the container engine that is in use, largest first; none where no engine
 * seems to be. `host` is an engine's address, as in `--docker-host`. Throws `INVALID_ARGUMENTS`,
 * `ENGINE_UNREACHABLE`, `ENGINE_ERROR` and `INVALID_ENV` for an engine that is asked for by `host`; of others it is warned.
 */
export async function keptVolumes(tools: Tools, host: string | undefined): Promise<readonly KeptVolume[]> {
  return withVolumes(tools, host, (_engine, volumes) => Promise.resolve(volumes));
}

/**
 * Removes cache volumes that were not used for long; what a running tspack or a container may be using stays.
 * Returns what was, or would be, removed. Throws what `keptVolumes` throws.
 */
export async function pruneVolumes(
  { olderThan, dryRun }: PruneVolumesOptions,
  tools: Tools,
  host: string | undefined,
): Promise<readonly KeptVolume[]> {
  const before = Math.min(tools.ctx.clock().getTime() - olderThan, await tools.leases.earliest());
  return withVolumes(tools, host, async (engine, volumes) => {
    const removed: KeptVolume[] = [];
    for (const volume of volumes.filter(({ used }) => used < before)) {
      if (tools.ctx.signal.aborted) break;
      if (dryRun || (await removeOne(engine, volume, tools))) removed.push(volume);
    }
    return removed;
  });
}

/** A volume of a container, somebody's else perhaps, stays. */
async function removeOne(engine: EngineConnection, { name }: KeptVolume, { places, ctx }: Tools): Promise<boolean> {
  try {
    await removeVolume(engine, name);
    await rm(noteOf(places, name), { force: true });
    return true;
  } catch (error) {
    if (!(error instanceof TspackError) || error.code !== "ENGINE_ERROR") throw error;
    ctx.logger.warn(`The volume ${name} stays: ${error.message}`);
    return false;
  }
}

type VolumeWork = (engine: EngineConnection, volumes: readonly KeptVolume[]) => Promise<readonly KeptVolume[]>;

async function withVolumes(tools: Tools, host: string | undefined, work: VolumeWork): Promise<readonly KeptVolume[]> {
  const { machine, places, ctx } = tools;
  const key = await knownVolumeKey(volumeKeyFile(places), machine.env["PACK_VOLUME_KEY"]);
  if (host === undefined && key === undefined) return [];
  const endpoint = namedEngine(machine.env, host);
  if (endpoint.source === "found" && !seemsToHaveEngine(tools)) return [];
  try {
    const open = await openSoon(endpoint, machine.env, ctx.signal);
    try {
      const { connection } = open;
      return await work(connection, key === undefined ? [] : await volumesOf(connection, open.name, key, tools));
    } finally {
      await open.close();
    }
  } catch (error) {
    if (host !== undefined || ctx.signal.aborted || !isAnswer(error)) throw error;
    const told = `Cache volumes of the container engine are left out: ${error.message}`;
    if (endpoint.source === "found") ctx.logger.debug(told);
    else ctx.logger.warn(told);
    return [];
  }
}

function isAnswer(error: unknown): error is TspackError {
  return error instanceof TspackError && (error.code === "ENGINE_UNREACHABLE" || error.code === "ENGINE_ERROR");
}

async function volumesOf(
  engine: EngineConnection,
  engineName: string,
  key: string,
  { places, ctx }: Tools,
): Promise<readonly KeptVolume[]> {
  const [label, value] = Object.entries(cacheLabels(key))[0] ?? [cacheLabel, ""];
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label}=${value}`] }));
  const { Volumes: all } = ((await engine.json({ method: "GET", path: `/volumes?filters=${filters}` })) ?? {}) as {
    readonly Volumes?: readonly Volume[] | null;
  };
  // Asked again: an engine may not know the filter.
  const own = (all ?? []).filter(({ Labels: labels }) => labels?.[label] === value);
  if (own.length === 0) return [];
  const sizes = await volumeSizes(engine, ctx.signal).catch((error: unknown) => {
    if (ctx.signal.aborted) throw error;
    ctx.logger.debug(`The engine does not tell how large its volumes are: ${String(error)}`);
    return new Map<string, number>();
  });
  const volumes = await Promise.all(
    own.map(async ({ Name: name = "", CreatedAt: created = "" }) => ({
      name,
      engine: engineName,
      bytes: sizes.get(name),
      used: Math.max(Date.parse(created) || 0, await lastUse(places, name)),
    })),
  );
  return volumes.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
}

async function lastUse(places: Places, volume: string): Promise<number> {
  const stats = await stat(noteOf(places, volume)).catch(() => undefined);
  return stats?.mtimeMs ?? 0;
}

/** Older engines count images as well, whatever they are asked for. A size of -1 is one that nobody knows. */
async function volumeSizes(engine: EngineConnection, stop: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(patience)]);
  const answer = await engine.json({ method: "GET", path: "/system/df?type=volume", signal });
  const { Volumes: volumes } = (answer ?? {}) as { readonly Volumes?: readonly Volume[] | null };
  return new Map(
    (volumes ?? []).flatMap(({ Name: name = "", UsageData: usage }) =>
      typeof usage?.Size === "number" && usage.Size >= 0 ? [[name, usage.Size] as const] : [],
    ),
  );
}

interface Volume {
  readonly Name?: string;
  readonly CreatedAt?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly UsageData?: { readonly Size?: number } | null;
}
