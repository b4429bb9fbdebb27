import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorCode } from "../../errors.ts";
import type { Places } from "../places.ts";

/** Kinds of what is kept to be faster the next time. */
export const cacheKinds = ["build", "unpacked", "blobs", "downloads", "work", "volume"] as const;

/**
 * `build`: layers of one application or of a named cache. `unpacked`: a builder's root file system,
 * or a buildpack. `blobs`: compressed layers. `downloads`: packages. `work`: what killed builds left.
 * `volume`: a cache of a build in containers, which the engine keeps (`engine/kept-volumes.ts`).
 */
export type CacheKind = (typeof cacheKinds)[number];

/** Something that is kept. */
export interface CacheItem {
  readonly kind: CacheKind;
  /** Of the image, the volume or the directory. */
  readonly name: string;
  readonly path: string;
  /** On this disk; files that images share count, too. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

/** The file in a build cache that says whose it is. */
export const cacheNameFile = "name";

/** All that is kept, largest first. */
export async function cacheItems(places: Places): Promise<readonly CacheItem[]> {
  const items = [
    ...(await inside(places.caches, "build", buildCacheName)),
    ...(await inside(places.rootfs, "unpacked")),
    ...(await inside(places.buildpacks, "unpacked")),
    ...(await inside(places.downloads, "downloads")),
    ...(await inside(places.builds, "work")),
  ];
  const { files, bytes, written } = await measure(places.blobs);
  if (files > 0) items.push({ kind: "blobs", name: "all", path: places.blobs, bytes, used: written });
  return items.sort((a, b) => b.bytes - a.bytes);
}

async function buildCacheName(path: string): Promise<string> {
  const name = await readFile(join(path, cacheNameFile), "utf8").catch(() => "");
  return name === "" ? basename(path) : name;
}

async function inside(
  directory: string,
  kind: CacheKind,
  nameOf: (path: string) => Promise<string> = async (path) => Promise.resolve(basename(path)),
): Promise<CacheItem[]> {
  const items: CacheItem[] = [];
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    const { bytes, read, written } = await measure(path);
    const own = await lstat(path).catch(() => undefined);
    if (own === undefined) continue;
    // What is unpacked says by its own time when it was used; the times in it are those of packages.
    // The folder's own counts as well, as `removeUnused` looks at it: else what lost a file would never go.
    const used = kind === "downloads" ? Math.max(read, written, own.mtimeMs) : own.mtimeMs;
    items.push({ kind, name: await nameOf(path), path, bytes, used });
  }
  return items;
}

interface Measured {
  readonly bytes: number;
  readonly files: number;
  /** When a file was read last, as far as the file system says: milliseconds since 1970. */
  readonly read: number;
  readonly written: number;
}

/** Counts a file once that has several names in the tree. What goes meanwhile does not count. */
async function measure(path: string): Promise<Measured> {
  const seen = new Set<string>();
  const total = { bytes: 0, files: 0, read: 0, written: 0 };
  const visit = async (at: string): Promise<void> => {
    const stats = await lstat(at).catch(() => undefined);
    if (stats === undefined) return;
    if (stats.isDirectory()) {
      for (const name of await namesIn(at)) await visit(join(at, name));
      return;
    }
    const key = `${stats.dev} ${stats.ino}`;
    if (stats.nlink > 1 && seen.has(key)) return;
    seen.add(key);
    total.files += 1;
    total.bytes += stats.size;
    total.read = Math.max(total.read, stats.atimeMs);
    total.written = Math.max(total.written, stats.mtimeMs);
  };
  await visit(path);
  return total;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(error) ?? "")) return [];
    throw error;
  }
}
