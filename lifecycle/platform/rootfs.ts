import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { errorCode, TspackError } from "../errors.ts";
import { extractTar } from "../layers/extract-tar.ts";
import type { Image } from "../oci/image.ts";

/**
 * Unpacks an image's layers into a root file system of its own, once per set of layers: the
 * next time it is there already. Everything in it belongs to whoever runs this. Several
 * processes may ask at once. Throws `INVALID_TAR`, `DISK_FULL`, `CANCELED`.
 */
export async function unpackRootfs(image: Image, directory: string, label: string, ctx: Context): Promise<string> {
  const layers = await image.layers();
  const key = createHash("sha256")
    .update(layers.map((layer) => layer.diffId).join("\n"))
    .digest("hex");
  const target = join(directory, key);
  if (existsSync(target)) return target;
  const temporary = join(directory, `.new-${randomUUID()}`);
  const step = ctx.progress.start(`Unpacking ${label}`, { total: layers.length, unit: "items" });
  try {
    await mkdir(temporary, { recursive: true, mode: 0o755 });
    for (const layer of layers) {
      await extractTar(layer.uncompressed(), temporary, { mode: "image", signal: ctx.signal });
      step.advance(1);
    }
    await settle(temporary, target);
    step.done(`${layers.length} layers`);
    return target;
  } catch (error) {
    await removeTree(temporary);
    throw explain(error, directory);
  }
}

/** Another process may have finished the same work first; its result is as good. */
async function settle(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target);
  } catch (error) {
    if (!["EEXIST", "ENOTEMPTY"].includes(errorCode(error) ?? "")) throw error;
    await removeTree(temporary);
  }
}

/** Removes a tree that may have directories without write permission in it. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 2 }).catch(async (error: unknown) => {
    if (errorCode(error) !== "EACCES" && errorCode(error) !== "EPERM") throw error;
    await makeRemovable(path);
    await rm(path, { recursive: true, force: true });
  });
}

async function makeRemovable(path: string): Promise<void> {
  const { chmod, readdir } = await import("node:fs/promises");
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeRemovable(join(path, entry.name));
  }
}

function explain(error: unknown, directory: string): unknown {
  if (errorCode(error) === "ABORT_ERR" || (error instanceof Error && error.name === "AbortError"))
    return new TspackError("CANCELED", "canceled", { cause: error });
  if (errorCode(error) !== "ENOSPC") return error;
  return new TspackError("DISK_FULL", `no space left in ${directory} for an unpacked image`, {
    cause: error,
    hint: "free disk space, or set TSPACK_HOME to a larger disk",
  });
}
