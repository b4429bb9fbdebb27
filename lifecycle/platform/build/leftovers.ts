import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../rootfs.ts";

/** Milliseconds after which a private directory belongs to nobody any more: no build takes that long. */
const abandonedAfter = 48 * 60 * 60 * 1000;

/**
 * Removes what a tspack that was killed could not remove itself. A directory that can not be
 * looked at or removed is left for the next time: it is no reason to fail a build.
 */
export async function removeAbandoned(buildsDir: string, now: Date): Promise<void> {
  for (const name of await readdir(buildsDir)) {
    const path = join(buildsDir, name);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined || now.getTime() - info.mtimeMs < abandonedAfter) continue;
    await removeTree(path).catch(() => undefined);
  }
}
