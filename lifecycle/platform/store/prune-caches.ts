import { pruneBlobs } from "../../stores/blob-cache/prune.ts";
import type { Tools } from "../tools.ts";
import { type CacheItem, cacheItems, type CacheKind } from "./cache-items.ts";
import { removeUnused } from "./remove-unused.ts";

/** What goes. */
export interface PruneCachesOptions {
  /** Milliseconds for which it was not used. */
  readonly olderThan: number;
  /** All when absent. */
  readonly kinds?: readonly CacheKind[] | undefined;
  /** Blobs that were not used for longest go until the others have no more bytes than this. */
  readonly maxBlobBytes?: number | undefined;
  readonly dryRun: boolean;
}

/** What was, or would be, removed. */
export interface PrunedItem extends CacheItem {
  /** Bytes that are free now. */
  readonly bytes: number;
}

/**
 * Removes what was not used for long. What a running tspack may be using stays: everything that was
 * used since the oldest of them began, and downloads and work altogether, which do not say it.
 */
export async function pruneCaches(options: PruneCachesOptions, tools: Tools): Promise<readonly PrunedItem[]> {
  const { places, ctx, leases } = tools;
  const { olderThan, kinds, maxBlobBytes, dryRun } = options;
  const inUseSince = await leases.earliest();
  const unusedSince = ctx.clock().getTime() - olderThan;
  const items = (await cacheItems(places)).filter(({ kind }) => kinds === undefined || kinds.includes(kind));
  const removed: PrunedItem[] = [];
  for (const item of items) {
    if (ctx.signal.aborted) break;
    if (item.kind === "blobs") {
      const { bytes, blobs } = await pruneBlobs(places.blobs, {
        unusedSince,
        maxBytes: maxBlobBytes,
        inUseSince,
        dryRun,
      });
      if (blobs > 0) removed.push({ ...item, name: `${blobs} of them`, bytes });
      continue;
    }
    if (item.used >= unusedSince || item.used >= inUseSince) continue;
    const isUntold = item.kind === "downloads" || item.kind === "work";
    if (isUntold && inUseSince !== Infinity) continue;
    if (dryRun || (await removeUnused(item.path, item.used))) removed.push(item);
  }
  return removed;
}
