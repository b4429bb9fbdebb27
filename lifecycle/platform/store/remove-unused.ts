import { randomUUID } from "node:crypto";
import { lstat, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../../errors.ts";
import { removeTree } from "../rootfs.ts";

/**
 * Removes what was used last at a time (milliseconds since 1970), unless somebody used it since. Out of the way
 * at once, so that nobody finds half of it. Returns whether it was removed.
 */
export async function removeUnused(path: string, used: number): Promise<boolean> {
  const now = await lstat(path).catch(() => undefined);
  if (now === undefined || (now.isDirectory() && now.mtimeMs > used)) return false;
  const moved = join(dirname(path), `.old-${randomUUID()}`);
  try {
    await rename(path, moved);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  await removeTree(moved);
  return true;
}
