import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../errors.ts";
import { hex, parseDiffId, type DiffId } from "../oci/digest.ts";
import { fingerprintTree } from "./tree-fingerprint.ts";
import { clockLag } from "./trusted-times.ts";

/**
 * Unpacked layers that wait for the next build of an application: moving a tree takes no time,
 * where unpacking it writes every file. A tree that was touched, or could have been, is not
 * taken; then the layer is unpacked as if there were none.
 */
export interface KeptTrees {
  /** Moves the layer's tree to a path where nothing is. False: it has to be unpacked. Throws `signal`'s reason. */
  take(diffId: string, path: string, signal: AbortSignal): Promise<boolean>;
  /** Notes that the directory was packed and is this layer. */
  packed(diffId: DiffId, path: string): void;
  /**
   * Moves the directories that were noted away for the next build, and removes what else was
   * kept. Nobody may write to them any more. One with an entry that changed after `since`, in
   * milliseconds since 1970, is left: it might not be what was packed after that moment. Throws `signal`'s reason.
   */
  keep(since: number, signal: AbortSignal): Promise<void>;
}

/** Opens the trees that are kept in a directory of their own, which need not be there yet. */
export function openKeptTrees(directory: string): KeptTrees {
  const noted = new Map<DiffId, string>();
  return {
    take: (diffId, path, signal) => attempt(() => take(directory, parseDiffId(diffId), path, signal), signal),
    packed: (diffId, path) => void noted.set(diffId, path),
    keep: async (since, signal) => {
      for (const name of namesIn(directory)) await remove(join(directory, name), signal);
      for (const [diffId, path] of noted) await attempt(() => keep(directory, diffId, path, { since, signal }), signal);
    },
  };
}

async function take(directory: string, diffId: DiffId, path: string, signal: AbortSignal): Promise<boolean> {
  const [tree, record] = placesOf(directory, diffId);
  if (existsSync(path) || !existsSync(record)) return false;
  const expected = readFileSync(record, "utf8");
  // Whatever comes now, this tree is not offered again: two builds must not have the same one.
  rmSync(record);
  if ((await fingerprintTree(tree, { signal }))?.digest !== expected) {
    await remove(tree, signal);
    return false;
  }
  mkdirSync(dirname(path), { recursive: true });
  renameSync(tree, path);
  return true;
}

async function keep(
  directory: string,
  diffId: DiffId,
  path: string,
  { since, signal }: { readonly since: number; readonly signal: AbortSignal },
): Promise<boolean> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [tree, record] = placesOf(directory, diffId);
  renameSync(path, tree);
  // Where it is now nobody else writes to it, so one look tells.
  const fingerprint = await fingerprintTree(tree, { signal });
  if (fingerprint === undefined || fingerprint.changed >= since - clockLag) await remove(tree, signal);
  else writeFileSync(record, fingerprint.digest, { flag: "wx", mode: 0o600 });
  return true;
}

/** The tree and the file with its fingerprint, which is written last and removed first. */
function placesOf(directory: string, diffId: DiffId): readonly [tree: string, record: string] {
  return [join(directory, hex(diffId)), join(directory, `${hex(diffId)}.fingerprint`)];
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** A tree may have directories that cannot be emptied; then it stays until somebody clears the cache. */
async function remove(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await attempt(async () => {
    await rm(path, { recursive: true, force: true });
    return true;
  }, signal);
}

/** Another file system, another build, no permission: all that is lost is time. */
async function attempt(work: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}
