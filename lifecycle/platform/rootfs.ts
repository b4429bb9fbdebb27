import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { errorCode, TspackError } from "../errors.ts";
import { extractTar } from "../layers/extract-tar.ts";
import type { Image } from "../oci/image.ts";
import type { Layer } from "../oci/layer.ts";

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
  if (await used(target)) return target;
  const temporary = join(directory, `.new-${randomUUID()}`);
  const step = ctx.progress.start(`Unpacking ${label}`, { total: layers.length, unit: "items" });
  try {
    await mkdir(temporary, { recursive: true, mode: 0o755 });
    for (const layer of layers) {
      await unpackLayer(layer, temporary, label, ctx.signal);
      step.advance(1);
    }
    await settle(temporary, target);
    // Until now it had the time of the image's root directory.
    await used(target);
    step.done(`${layers.length} layers`);
    return target;
  } catch (error) {
    await removeTree(temporary);
    throw explain(error, directory);
  }
}

/**
 * Unpacks a layer, and makes sure that it is the one that the image's config names: the directory is named after
 * it, and another image of the same DiffIDs would get what is not its own. Throws `DIGEST_MISMATCH`.
 */
async function unpackLayer(layer: Layer, directory: string, label: string, signal: AbortSignal): Promise<void> {
  const hash = createHash("sha256");
  const source = layer.uncompressed()[Symbol.asyncIterator]();
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    const read = await source.next();
    if (read.done !== true) hash.update(read.value);
    return read;
  };
  try {
    // Without `return`: a reader that stops at the end of the archive leaves the rest, which counts, too.
    await extractTar({ [Symbol.asyncIterator]: () => ({ next }) }, directory, { mode: "image", signal });
    while ((await next()).done !== true);
  } finally {
    await source.return?.();
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found === layer.diffId) return;
  throw new TspackError("DIGEST_MISMATCH", `${label}: the layer ${layer.diffId} has the content ${found}`, {
    hint: "the image is damaged, or its config names layers that are not its own: make it again",
  });
}

/** Whether it is there. Its time says when it was used last, and keeps it from those who prune. */
async function used(target: string): Promise<boolean> {
  try {
    await utimes(target, new Date(), new Date());
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    // Of somebody else: it can be read all the same.
    return existsSync(target);
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

/** Removes a tree that may have directories without write permission in it, and paths longer than the system takes. */
export async function removeTree(path: string): Promise<void> {
  for (let helpless = false; ;) {
    try {
      return await rm(path, { recursive: true, force: true, maxRetries: 2 });
    } catch (error) {
      if (helpless || !["EACCES", "EPERM", "ENAMETOOLONG"].includes(errorCode(error) ?? "")) throw error;
    }
    helpless = (await makeRemovable(path, path)) === 0;
  }
}

/** Bytes of a path beyond which its directory is moved to the top; half of what Linux takes. */
const longPath = 2048;

/** Gives itself the right to change the directories, and moves what lies deep to the top of the tree; returns how many it moved. */
async function makeRemovable(root: string, directory: string): Promise<number> {
  let moved = 0;
  for (const path of await openDirectory(directory)) {
    if (Buffer.byteLength(path) <= longPath) moved += await makeRemovable(root, path);
    else moved += await moveUp(path, root);
  }
  return moved;
}

/** The directories in a directory. Node's `rm` goes on for a moment after it has failed, so each may be gone. */
async function openDirectory(directory: string): Promise<readonly string[]> {
  try {
    await chmod(directory, 0o700);
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function moveUp(path: string, root: string): Promise<number> {
  try {
    await chmod(path, 0o700);
    await rename(path, join(root, randomUUID()));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  return 1;
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
