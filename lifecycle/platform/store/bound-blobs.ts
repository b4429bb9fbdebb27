import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pruneBlobs } from "../../stores/blob-cache/prune.ts";
import type { Tools } from "../tools.ts";
import { removeBuildersUnusedSince } from "./bound-rootfs.ts";

const day = 24 * 60 * 60 * 1000;

/** Blobs, and root file systems of builders, that nobody used for so many milliseconds go. */
const longestUnused = 30 * day;
/** Above so many bytes those go that were not used for longest. */
const mostBytes = 20e9;

/**
 * Keeps the cache of compressed layers, and unpacked builders, from growing for ever: looks at it once a day, after a build. What a
 * running tspack may be using stays. It fails nothing: the build is done.
 */
export async function boundBlobs({ places, ctx, leases }: Pick<Tools, "places" | "ctx" | "leases">): Promise<void> {
  const now = ctx.clock().getTime();
  const mark = join(dirname(places.blobs), "blobs-pruned");
  try {
    const last = await stat(mark).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    // A clock that was wrong for a while must not put it off for ever.
    if (Math.abs(now - last) < day) return;
    await mkdir(dirname(mark), { recursive: true, mode: 0o700 });
    await writeFile(mark, "", { mode: 0o600 });
    const inUseSince = await leases.earliest();
    const limits = { unusedSince: now - longestUnused, maxBytes: mostBytes, inUseSince };
    const { blobs, bytes } = await pruneBlobs(places.blobs, limits);
    await removeBuildersUnusedSince(limits.unusedSince, { places, ctx, leases });
    if (blobs > 0) ctx.logger.debug(`Removed ${blobs} compressed layers that were not used for long: ${bytes} bytes`);
  } catch (error) {
    ctx.logger.debug(`The cache of compressed layers could not be looked at: ${String(error)}`);
  }
}
