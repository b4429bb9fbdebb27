import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { decodeIndex, decodeManifest } from "../../oci/manifest.ts";
import type { Index } from "../../oci/manifest.ts";
import { isIndexType } from "../../oci/media-type.ts";
import { blobPath, temporaryPrefix } from "./blob-files.ts";

/** Milliseconds for which a blob that nothing refers to may belong to a write that is under way. */
const grace = 60 * 60 * 1000;

/** Removes blobs that no entry leads to and that were not touched for an hour. The caller holds the layout's lock. */
export async function collectGarbage(directory: string, index: Index, now = Date.now()): Promise<number> {
  const needed = await reachable(directory, index);
  const folder = join(directory, "blobs", "sha256");
  let removed = 0;
  for (const name of await readdir(folder)) {
    if (needed.has(name)) continue;
    const path = join(folder, name);
    if (!(/^[0-9a-f]{64}$/.test(name) || name.startsWith(temporaryPrefix))) continue;
    const changed = await changeTime(path);
    if (changed === undefined || now - changed < grace) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function reachable(directory: string, index: Index): Promise<ReadonlySet<string>> {
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
  for (const descriptor of index.manifests) await visit(descriptor);
  return names;
}

/** The time of the inode's last change, which linking and touching both set; undefined for what is gone meanwhile. */
async function changeTime(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ctimeMs;
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
