import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import { InputError, TspackError } from "../../errors.ts";
import { type KnownTrees, openKnownTrees, warnOfWrongTree } from "../../layers/known-trees.ts";
import { isGzipLevel } from "../../oci/gzip.ts";
import { type Compression, isCompression, requireZstd } from "../../oci/zstd.ts";
import { DEFAULT_MEMORY, isMemory, LEAST_MEMORY, type WorkLimits, workLimits } from "../../oci/work-limits.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { AccessCheck, ImageSink, ImageSource } from "../../stores/store.ts";
import type { RegistryStore } from "../../stores/registry/registry-store.ts";
import { compileOptimized } from "../plain-wasm.ts";
import { openRegistries } from "../registry-access.ts";
import { readCredentials } from "./credentials.ts";
import { openEngineStore, usesEngine } from "./engine.ts";
import { builderUser } from "./privileges.ts";
import { guardExperimental, invalidArguments, type Session } from "./session.ts";

/** The stores that a phase works with, as its flags say. */
export interface PhaseStores {
  readonly registries: RegistryStore;
  /** Where app, previous and run images are: the registries, a directory of layouts, or a container engine. */
  readonly images: ImageSource & ImageSink;
  /** Of the registries; undefined for images on this machine, which need no permission. */
  readonly access: AccessCheck | undefined;
  /** Undefined for images that are no layouts. */
  readonly layoutDir: string | undefined;
}

/** Opens the stores of a phase. Throws `INVALID_ARGUMENTS` for what can not be combined. */
export async function openStores(session: Session): Promise<PhaseStores> {
  const { options, env, ctx } = session;
  const credentials = await readCredentials(session);
  const { uploads } = readLimits(session);
  const registries = openRegistries({
    env,
    insecureRegistries: options.insecureRegistry,
    ctx,
    uploads,
    ...credentials,
  });
  if (usesEngine(session)) {
    return { registries, images: await openEngineStore(session), access: undefined, layoutDir: undefined };
  }
  if (!options.layout) return { registries, images: registries, access: registries, layoutDir: undefined };
  guardExperimental(session, "export to OCI layout format");
  if (options.layoutDir === "") {
    throw invalidArguments("resolve inputs: -layout needs -layout-dir", "say where the layouts are with -layout-dir");
  }
  const { layoutDirectoryStore } = await import("../../stores/layout/layout-directory.ts");
  return {
    registries,
    images: layoutDirectoryStore(options.layoutDir),
    access: undefined,
    layoutDir: options.layoutDir,
  };
}

/** The build cache of `-cache-image` or `-cache-dir`; undefined when neither was given. */
export async function openCache(
  { options, features, ctx }: Session,
  registries: RegistryStore,
): Promise<LayerCache | undefined> {
  if (options.cacheImage !== "") {
    const { openImageCache } = await import("../../cache/image.ts");
    const deleter = features.deleteOldCacheImage ? registries : undefined;
    const ports = { images: registries, sink: registries, deleter, ctx };
    return openImageCache(reference(options.cacheImage, "-cache-image"), ports);
  }
  if (options.cacheDir === "") return undefined;
  if (!existsSync(options.cacheDir)) {
    throw new TspackError(
      "FILE_NOT_FOUND",
      `failed to create volume cache: stat ${options.cacheDir}: no such file or directory`,
      {
        hint: "make the directory of -cache-dir, or mount it",
      },
    );
  }
  const { openVolumeCache } = await import("../../cache/volume.ts");
  return openVolumeCache(options.cacheDir, ctx);
}

/**
 * What is known of layers' directories, beside the cache of `-cache-dir` or where
 * `-fingerprints` says; undefined without both. With `-verify-layers` all is read all the same.
 */
export function openKnown(session: Session): KnownTrees | undefined {
  const { options, ctx } = session;
  const directory = options.fingerprints === "" ? options.cacheDir : options.fingerprints;
  if (directory === "") return undefined;
  return openKnownTrees(directory, {
    owner: builderUser(session),
    now: () => ctx.clock().getTime(),
    verify: options.verifyLayers ? warnOfWrongTree(ctx.logger) : undefined,
  });
}

/**
 * The launch cache of `-launch-cache`; undefined without it, and for images that no container
 * engine has. Throws `FILE_NOT_FOUND`.
 */
export async function openLaunchCache(session: Session): Promise<LayerCache | undefined> {
  const { launchCache } = session.options;
  if (launchCache === "" || !usesEngine(session)) return undefined;
  if (!existsSync(launchCache)) {
    throw new TspackError(
      "FILE_NOT_FOUND",
      `failed to create launch cache: stat ${launchCache}: no such file or directory`,
      { hint: "make the directory of -launch-cache, or mount it" },
    );
  }
  const { openVolumeCache } = await import("../../cache/volume.ts");
  return openVolumeCache(launchCache, session.ctx);
}

/** Where images are read: layers come from the launch cache when it has them. */
export async function readingThrough(images: ImageSource, launchCache: LayerCache | undefined): Promise<ImageSource> {
  if (launchCache === undefined) return images;
  const { withLaunchCache } = await import("../../cache/launch.ts");
  return withLaunchCache(images, launchCache);
}

/** Says what the reference says when layers will not be kept. */
export function warnWithoutCache({ options, ctx }: Session): void {
  if (options.cacheImage === "" && options.cacheDir === "")
    ctx.logger.warn("No cached data will be used, no cache specified.");
}

/** Says what the reference says of a launch cache that no engine uses. */
export function warnOfLaunchCache({ options, ctx }: Session): void {
  if (!options.daemon && options.launchCache !== "") {
    ctx.logger.warn("Ignoring -launch-cache, only intended for use with -daemon");
  }
}

/** Reads a reference of the arguments. Throws `INVALID_REFERENCE` with the reference's words. */
export function reference(text: string, source: string): ImageRef {
  try {
    return parseReference(text, source);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(cause.code, `failed to resolve inputs: ${cause.message}`, cause.issues, { hint: cause.hint });
  }
}

/** Reads the names of the app image. Throws `INVALID_ARGUMENTS` when they are in two registries, unless an engine keeps it. */
export function outputReferences(names: readonly string[], { options }: Session): readonly ImageRef[] {
  const refs = [...new Set(names)].map((name) => reference(name, "argument"));
  if (!options.daemon && new Set(refs.map((ref) => ref.registry)).size > 1) {
    throw invalidArguments(
      "resolve inputs: writing to multiple registries is unsupported",
      "give names in one registry, and copy the image afterwards",
    );
  }
  return refs;
}

/**
 * A private place for layers while a phase runs; it goes with it. They are compressed unless a
 * container engine, which unpacks them at once, is all that gets them.
 */
export async function withTemporaryBlobs<T>(session: Session, work: (blobs: BlobCache) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-blobs-"));
  try {
    return await work(await openBlobs(directory, session));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Throws `INVALID_ARGUMENTS`. */
function readLevel({ options: { compressionLevel: level } }: Session): number | undefined {
  if (isGzipLevel(level)) return level;
  throw invalidArguments(
    `resolve inputs: ${level} is no compression level`,
    "-compression-level (TSPACK_COMPRESSION_LEVEL) is a whole number from 0 (not compressed) to 9 (smallest)",
  );
}

/** Throws `INVALID_ARGUMENTS`, and `TOOL_MISSING` where Node has no zstd. */
function readCompression(session: Session): Compression {
  const { compression, compressionLevel } = session.options;
  const hint = "-compression (TSPACK_COMPRESSION) is gzip or zstd; zstd needs -compression-level 1 to 9";
  if (!isCompression(compression)) {
    throw invalidArguments(`resolve inputs: ${JSON.stringify(compression)} is no compression`, hint);
  }
  if (compression === "gzip") return compression;
  if (compressionLevel === 0) throw invalidArguments("resolve inputs: 0 is no compression level of zstd", hint);
  if (usesEngine(session)) {
    throw invalidArguments("resolve inputs: a container engine takes no layers compressed with zstd", hint);
  }
  requireZstd("-compression zstd");
  return compression;
}

/** What `-memory` has room for. Throws `INVALID_ARGUMENTS`. */
export function readLimits({ options: { memory } }: Session): WorkLimits {
  if (isMemory(memory)) return workLimits(memory);
  throw invalidArguments(
    `resolve inputs: ${memory} megabytes are too little memory`,
    `-memory (TSPACK_MEMORY) is a whole number of megabytes, at least ${LEAST_MEMORY}; ${DEFAULT_MEMORY} when absent`,
  );
}

async function openBlobs(directory: string, session: Session): Promise<BlobCache> {
  const level = readLevel(session);
  const compression = readCompression(session);
  if (usesEngine(session) && session.options.cacheImage === "") {
    const { plainBlobs } = await import("../../stores/blob-cache/plain.ts");
    return plainBlobs(directory);
  }
  const { openBlobCache } = await import("../../stores/blob-cache/open.ts");
  const { blocks } = readLimits(session);
  return openBlobCache(directory, { ctx: session.ctx, level, compression, blocks, optimize: compileOptimized });
}
