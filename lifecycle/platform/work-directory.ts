import { lstat, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeOwner, encodeOwner, isGone, type Owner, thisOwner } from "./owner.ts";
import { privateDirectory } from "./places.ts";
import { removeTree } from "./rootfs.ts";

/** In a directory of work: which process it belongs to. */
const ownerFile = ".owner";

/** Milliseconds after which a directory belongs to nobody any more, whatever it says: no build takes that long. */
const abandonedAfter = 48 * 60 * 60 * 1000;

/**
 * Makes a private directory for the work of this process below `parent`; whoever gets it removes it. Those
 * of processes that were killed go before.
 */
export async function workDirectory(parent: string, prefix: string, now: Date): Promise<string> {
  const directory = await privateDirectory(parent);
  const owner = thisOwner(now);
  await removeAbandoned(directory, owner, now);
  const path = await mkdtemp(join(directory, prefix));
  try {
    if (owner !== undefined) await writeFile(join(path, ownerFile), encodeOwner(owner), { flag: "wx", mode: 0o600 });
  } catch (error) {
    // Nobody gets it: the disk is full, say.
    await removeTree(path).catch(() => undefined);
    throw error;
  }
  return path;
}

/**
 * Removes what a tspack that was killed could not remove itself. A directory that can not be
 * looked at or removed is left for the next time: it is no reason to fail a build.
 */
async function removeAbandoned(parent: string, own: Owner | undefined, now: Date): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined) continue;
    const isOld = now.getTime() - info.mtimeMs >= abandonedAfter;
    if (isOld || (own !== undefined && (await isOwnerGone(path, own)))) await removeTree(path).catch(() => undefined);
  }
}

/** Without a file nothing is known: it may be made this moment, or be of an older tspack. */
async function isOwnerGone(path: string, own: Owner): Promise<boolean> {
  const text = await readFile(join(path, ownerFile), "utf8").catch(() => "");
  const owner = decodeOwner(text);
  return owner !== undefined && isGone(owner, own);
}
