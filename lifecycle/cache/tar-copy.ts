import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../errors.ts";
import type { DiffId } from "../oci/digest.ts";
import type { LayerCopy } from "./cache.ts";

/**
 * A file in `staging` that gets a tar while it is packed; it is `<DiffID>.tar` when it is kept,
 * and `kept` is told. Undefined when it cannot be begun. What goes wrong later, such as a full
 * disk, ends the copy and not the packing: whoever stages the layer then meets the same.
 */
export async function tarCopy(
  staging: string,
  kept: (diffId: DiffId, path: string) => Promise<void>,
): Promise<LayerCopy | undefined> {
  const path = join(staging, `copy-${randomBytes(6).toString("hex")}`);
  const begun = await attempt(async () => {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    return open(path, "wx", 0o644);
  });
  if (begun === undefined) return undefined;
  let failed = false;
  const end = async (): Promise<void> => {
    await begun.close();
    await rm(path, { force: true });
  };
  return {
    write: async (bytes) => {
      if (failed) return;
      const written = await attempt(() => begun.writeFile(bytes).then(() => true));
      failed = written === undefined;
    },
    keep: async (diffId) => {
      const target = join(staging, `${diffId}.tar`);
      const moved = failed ? undefined : await attempt(() => rename(path, target).then(() => true));
      await end();
      if (moved === true) await kept(diffId, target);
    },
    discard: end,
  };
}

async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}
