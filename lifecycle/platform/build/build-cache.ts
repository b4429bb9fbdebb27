import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import { openImageCache } from "../../cache/image.ts";
import { openVolumeCache } from "../../cache/volume.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import { type ImageRef, parseReference, refName } from "../../oci/reference.ts";
import { privateDirectory } from "../places.ts";
import type { Tools } from "../tools.ts";
import type { CacheRequest } from "./request.ts";
import type { ResolvedRequest } from "./resolve-request.ts";

/** Where the layers of earlier builds are. */
export interface BuildCache {
  /** Where unpacked layers wait for the next build: on the disk of the builds, whatever the cache is. */
  readonly treesDir: string;
  /** Opens the cache, which is empty when it was to be cleared. */
  open(): Promise<LayerCache>;
}

/**
 * The build cache that a request names: a directory, a volume by its name, an image in a registry,
 * or else the one of this application. Launch caches keep what the local store keeps anyhow: they
 * are for container engines, and change nothing here. Throws `INVALID_ARGUMENTS`.
 */
export async function buildCache({ request, names }: ResolvedRequest, tools: Tools): Promise<BuildCache> {
  const given = onlyOne(request.caches ?? [], request.cacheImage);
  const clear = request.clearCache === true;
  const { machine, places } = tools;
  const own = join(places.caches, keyOf(names[0] === undefined ? "" : refName(names[0])));
  const treesDir = join(own, "trees");
  if (clear) await rm(treesDir, { recursive: true, force: true });
  if (given?.format === "image") {
    const ref = parseReference(given.source, "--cache-image");
    return { treesDir, open: () => openRegistryCache(ref, clear, tools) };
  }
  const directory =
    given === undefined
      ? own
      : given.format === "bind"
        ? resolve(machine.cwd, given.source)
        : join(places.caches, `volume-${volumeName(given.source)}`);
  if (clear) await clearDirectory(directory);
  return { treesDir, open: async () => openVolumeCache(await privateDirectory(directory), tools.ctx) };
}

function keyOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

function onlyOne(caches: readonly CacheRequest[], cacheImage: string | undefined): CacheRequest | undefined {
  const image: readonly CacheRequest[] =
    cacheImage === undefined ? [] : [{ type: "build", format: "image", source: cacheImage }];
  const [first, second] = [...caches.filter(({ type }) => type === "build"), ...image];
  if (second === undefined) return first;
  throw problem("--cache", "one build cache", `${caches.length + image.length} of them`);
}

/** The names that volumes of container engines may have. */
function volumeName(name: string): string {
  if (/^[A-Za-z0-9][\w.-]*$/.test(name)) return name;
  throw problem("--cache", "the name of a volume: letters, digits, dots, dashes and underscores", JSON.stringify(name));
}

function problem(source: string, expected: string, got: string): InputError {
  const issue: InputIssue = { source, path: "", expected, got };
  return new InputError("INVALID_ARGUMENTS", "the build cache can not be used", [issue]);
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
