import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../errors.ts";
import { hex, parseDigest } from "../../oci/digest.ts";
import { formatFolder } from "./open.ts";

/** Which blobs go. */
export interface PruneOptions {
  /** Those that nobody used since; milliseconds since 1970. */
  readonly unusedSince: number;
  /** Then those that were not used for longest, until there are no more bytes than this. */
  readonly maxBytes?: number | undefined;
  /** Since when somebody may be using blobs: what was used later stays, whatever else is said. */
  readonly inUseSince?: number | undefined;
  /** Nothing is removed. */
  readonly dryRun?: boolean | undefined;
}

/** What was, or would be, removed. */
export interface Pruned {
  readonly blobs: number;
  /** Bytes that are free now: an image in the local store shares its blobs. */
  readonly bytes: number;
}

interface Blob {
  readonly path: string;
  readonly used: number;
  readonly size: number;
  readonly free: number;
}

/** Removes blobs of the cache in a folder that were not used for long, and what is known of blobs that are gone. */
export async function pruneBlobs(dir: string, options: PruneOptions): Promise<Pruned> {
  const { unusedSince, maxBytes = Infinity, inUseSince = Infinity, dryRun = false } = options;
  const root = join(dir, formatFolder);
  const blobs = (await blobsIn(join(root, "blobs/sha256"))).sort((a, b) => a.used - b.used);
  const removed = { blobs: 0, bytes: 0 };
  let left = blobs.reduce((sum, { size }) => sum + size, 0);
  for (const { path, used, size, free } of blobs) {
    if (used >= inUseSince || (used >= unusedSince && left <= maxBytes)) continue;
    left -= size;
    removed.blobs += 1;
    removed.bytes += free;
    if (!dryRun) await rm(path, { force: true });
  }
  if (!dryRun) await forget(root);
  return removed;
}

async function blobsIn(folder: string): Promise<Blob[]> {
  const found: Blob[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined) continue;
    const { mtimeMs, size, nlink } = stats;
    found.push({ path, used: mtimeMs, size, free: nlink > 1 ? 0 : size });
  }
  return found;
}

/** The small files about blobs that are gone. One that comes back writes its own again. */
async function forget(root: string): Promise<void> {
  const isThere = async (name: string): Promise<boolean> =>
    stat(join(root, "blobs/sha256", name)).then(
      () => true,
      () => false,
    );
  const sizes = join(root, "sizes/sha256");
  for (const name of await namesIn(sizes)) if (!(await isThere(name))) await rm(join(sizes, name), { force: true });
  for (const diffIds of ["diff-ids/sha256", "diff-ids/zstd"].map((name) => join(root, name))) {
    for (const name of await namesIn(diffIds)) {
      const blob = await blobNamedIn(join(diffIds, name));
      if (blob === undefined || !(await isThere(blob))) await rm(join(diffIds, name), { force: true });
    }
  }
}

async function blobNamedIn(path: string): Promise<string | undefined> {
  try {
    const { digest } = JSON.parse(await readFile(path, "utf8")) as { readonly digest?: unknown };
    return typeof digest === "string" ? hex(parseDigest(digest)) : undefined;
  } catch {
    return undefined;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
