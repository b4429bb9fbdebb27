import { createHash } from "node:crypto";
import { readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import { openImageCache } from "../../cache/image.ts";
import { openVolumeCache } from "../../cache/volume.ts";
import { errorCode, InputError } from "../../errors.ts";
import { type ImageRef, parseReference, refName } from "../../oci/reference.ts";
import type { Machine } from "../machine.ts";
import { type Places, privateDirectory } from "../places.ts";
import { removeTree } from "../rootfs.ts";
import { cacheNameFile } from "../store/cache-items.ts";
import type { Tools } from "../tools.ts";
import { cacheImageOf } from "./check-caches.ts";
import type { CacheRequest } from "./request.ts";
import type { ResolvedRequest } from "./resolve-request.ts";

/** Where the layers of earlier builds are. */
export interface BuildCache {
  /** The cache in a registry. */
  readonly image: ImageRef | undefined;
  /** Where unpacked layers wait for the next build: on the disk of the builds, whatever the cache is. */
  readonly treesDir: string;
  /** Where it is written down which tree is which layer. Of this application alone, and never the buildpacks'. */
  readonly knownDir: string;
  /** Opens the cache, which is empty when it was to be cleared. */
  open(): Promise<LayerCache>;
}

/**
 * The build cache that a request names: a directory, a volume by its name, an image in a registry,
 * or else the one of this application. Launch caches keep what the local store keeps anyhow: they
 * are for container engines, and change nothing here. Throws `INVALID_ARGUMENTS`.
 */
export async function buildCache({ request, names }: ResolvedRequest, tools: Tools): Promise<BuildCache> {
  const { caches = [], cacheImage } = request;
  const given = caches.find(({ type }) => type === "build");
  const clear = request.clearCache === true;
  const { machine, places } = tools;
  const name = names[0] === undefined ? "" : refName(names[0]);
  const own = await namedDirectory(join(places.caches, keyOf(name)), name);
  const treesDir = join(own, "trees");
  if (clear) await removeTree(treesDir);
  const inRegistry = cacheImageOf(caches, cacheImage);
  if (inRegistry !== undefined) {
    const image = parseReference(inRegistry, "--cache-image");
    return { image, treesDir, knownDir: own, open: () => openRegistryCache(image, clear, tools) };
  }
  const directory = await directoryOf(given, own, places, machine);
  if (clear) await clearDirectory(directory);
  return { image: undefined, treesDir, knownDir: own, open: () => openVolumeCache(directory, tools.ctx) };
}

async function directoryOf(
  given: CacheRequest | undefined,
  own: string,
  { caches }: Places,
  { cwd }: Machine,
): Promise<string> {
  if (given?.source === undefined) return own;
  if (given.format === "volume")
    return namedDirectory(join(caches, `volume-${given.source}`), `volume ${given.source}`);
  const path = resolve(cwd, given.source);
  try {
    return await privateDirectory(path);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST" && errorCode(cause) !== "ENOTDIR" && errorCode(cause) !== "EACCES") throw cause;
    const got =
      errorCode(cause) === "EACCES" ? `${path}, which can not be written` : `${path}, below or in place of a file`;
    const issue = { source: "--cache", path: "source", expected: "a directory", got };
    throw new InputError("INVALID_ARGUMENTS", "the build cache can not be used", [issue], { cause });
  }
}

/** A directory of ours that says what it is for, and by its time when it was used. */
async function namedDirectory(path: string, name: string): Promise<string> {
  await privateDirectory(path);
  await writeFile(join(path, cacheNameFile), name, { mode: 0o600 });
  await utimes(path, new Date(), new Date());
  return path;
}

function keyOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** Removes what caches are made of and nothing else: a directory that somebody names may have more in it. */
async function clearDirectory(directory: string): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  const own = entries.filter((name) => /^(committed|committed-backup|staging-.*)$/.test(name));
  for (const name of own) await rm(join(directory, name), { recursive: true, force: true });
}

function openRegistryCache(ref: ImageRef, clear: boolean, { registries, ctx }: Tools): Promise<LayerCache> {
  // What is cleared is looked at by nobody; the next commit replaces it.
  const images = clear ? { resolve: () => Promise.resolve(undefined) } : registries;
  return openImageCache(ref, { images, sink: registries, ctx });
}
