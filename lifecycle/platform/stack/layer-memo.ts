import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDiffId, type DiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { StackLock } from "./lock.ts";
import type { StackFile } from "./stack-file.ts";

/** Raised whenever the same lock would give other bytes than before. */
const assembly = 2;

/** Which layers a stack had when it was made the last time, so that it need not be made again. */
export interface LayerMemo {
  /** All layers, the run image's first, when they are still in the blob cache. */
  recall(blobs: BlobCache): Promise<readonly Layer[] | undefined>;
  keep(layers: readonly Layer[]): Promise<void>;
}

/** The memo of exactly this stack file with exactly these packages. */
export function layerMemo(cacheDir: string, stack: StackFile, lock: StackLock): LayerMemo {
  const key = createHash("sha256")
    .update(JSON.stringify([assembly, lock.arch, lock.packages]))
    .update(stack.bytes);
  const directory = join(cacheDir, "stacks");
  const path = join(directory, `${key.digest("hex")}.json`);
  return {
    recall: async (blobs) => {
      const layers = await Promise.all((await readIds(path)).map((id) => blobs.layer(id)));
      const present = layers.filter((layer) => layer !== undefined);
      return present.length === 0 || present.length < layers.length ? undefined : present;
    },
    keep: async (layers) => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const partial = `${path}.${randomUUID()}.partial`;
      await writeFile(partial, JSON.stringify(layers.map((layer) => layer.diffId)));
      await rename(partial, path);
    },
  };
}

// A memo that is absent or damaged costs the work that it would have saved, nothing else.
async function readIds(path: string): Promise<readonly DiffId[]> {
  try {
    const ids = JSON.parse(await readFile(path, "utf8")) as unknown;
    return Array.isArray(ids) ? ids.map((id) => parseDiffId(String(id))) : [];
  } catch {
    return [];
  }
}
