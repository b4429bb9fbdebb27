import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { decodeIndex, decodeManifest } from "../../oci/manifest.ts";
import type { Index } from "../../oci/manifest.ts";
import { isIndexType } from "../../oci/media-type.ts";
import { blobPath, temporaryPrefix } from "./blob-files.ts";

/** Milliseconds for which a blob that nothing refers to may belong to a write that is under way. */
export const usualGrace = 60 * 60 * 1000;

/** What is collected and what not. */
export interface CollectOptions {
  /** Milliseconds since 1970. */
  readonly now?: number | undefined;
  /** Milliseconds without a touch after which a blob is garbage; an hour when absent. */
  readonly grace?: number | undefined;
  /** Since when somebody may be using blobs, milliseconds since 1970: what was touched later stays. */
  readonly inUseSince?: number | undefined;
  /** Entries that were just taken out: what they lead to begins to be garbage now. */
  readonly dropped?: readonly Descriptor[] | undefined;
  /** Nothing is removed. */
  readonly dryRun?: boolean | undefined;
}

/** What was, or would be, removed. */
export interface Collected {
  readonly blobs: number;
  /** Bytes that are free now: those of blobs that the blob cache shares are not. */
  readonly bytes: number;
}

/** Removes blobs that no entry leads to and that were not touched for a while. The caller holds the layout's lock. */
export async function collectGarbage(
  directory: string,
  index: Index,
  { now = Date.now(), grace = usualGrace, inUseSince = Infinity, dropped = [], dryRun = false }: CollectOptions = {},
): Promise<Collected> {
  const needed = await reachable(directory, index.manifests);
  const folder = join(directory, "blobs", "sha256");
  for (const name of dropped.length === 0 ? [] : await reachable(directory, dropped))
    if (!needed.has(name)) await touch(join(folder, name));
  const removed = { blobs: 0, bytes: 0 };
  for (const name of await readdir(folder)) {
    if (needed.has(name)) continue;
    const path = join(folder, name);
    if (!(/^[0-9a-f]{64}$/.test(name) || name.startsWith(temporaryPrefix))) continue;
    const found = await stateOf(path);
    if (found === undefined || now - found.changed < grace || found.changed >= inUseSince) continue;
    if (!dryRun) await rm(path, { force: true });
    removed.blobs += 1;
    removed.bytes += found.bytes;
  }
  return removed;
}

async function reachable(directory: string, manifests: readonly Descriptor[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const visit = async (descriptor: Descriptor): Promise<void> => {
    const name = descriptor.digest.slice("sha256:".length);
    if (names.has(name)) return;
    names.add(name);
    const bytes = await readIfThere(blobPath(directory, descriptor.digest));
    if (bytes === undefined) return;
    if (isIndexType(descriptor.mediaType)) {
      for (const item of decodeIndex(bytes, name).value.manifests) await visit(item);
      return;
    }
    const { config, layers } = decodeManifest(bytes, name).value;
    for (const { digest } of [config, ...layers]) names.add(digest.slice("sha256:".length));
  };
  for (const descriptor of manifests) await visit(descriptor);
  return names;
}

/** May be gone, or belong to somebody else, who then collects it by its older time. */
async function touch(path: string): Promise<void> {
  await utimes(path, new Date(), new Date()).catch(() => {});
}

/** The time of the inode's last change, which linking and touching both set; undefined for what is gone meanwhile. */
async function stateOf(path: string): Promise<{ readonly changed: number; readonly bytes: number } | undefined> {
  try {
    const { ctimeMs, nlink, size } = await stat(path);
    return { changed: ctimeMs, bytes: nlink > 1 ? 0 : size };
  } catch (error) {
    // Other writers rename their temporary files without the layout's lock.
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
