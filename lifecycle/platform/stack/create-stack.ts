import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { appendLayers, mutate } from "../../oci/mutate.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { readArchive } from "../debian/archive.ts";
import { openDownloader, type Downloader, type Network } from "../debian/download.ts";
import type { Mirrors } from "../debian/mirrors.ts";
import { resolvePackages } from "../debian/resolve.ts";
import { layerMemo } from "./layer-memo.ts";
import {
  lockName,
  lockPackage,
  readLock,
  requestDigest,
  writeLock,
  type LockedPackage,
  type StackLock,
} from "./lock.ts";
import { fetchPackages } from "./package-files.ts";
import { openRootTree } from "./root-tree.ts";
import { stackSbom, type StackSbom } from "./sbom.ts";
import { readStackFile, type StackFile } from "./stack-file.ts";
import { stackImage } from "./stack-image.ts";
import { packLackingPackages, packStackLayer } from "./stack-layer.ts";

/** Debian's names of the processors that stacks are made for, which are also OCI's. */
export type StackArch = "amd64" | "arm64";

/** What to make a stack of. */
export interface CreateStackInputs {
  /** Path of a stack.toml. */
  readonly stackFile: string;
  readonly arch: StackArch;
  readonly mirrors: Mirrors;
  /** Downloads are kept here; several processes may share it. */
  readonly cacheDir: string;
  /** Where the lock is read from when it is there, and else written to. */
  readonly lockFile?: string | undefined;
  /** Takes the versions of today and writes the lock anew. */
  readonly update?: boolean | undefined;
  readonly network?: Network | undefined;
  readonly blobs: BlobCache;
  readonly ctx: Context;
}

/** The two base images, the build image being the run image with one more layer. */
export interface Stack {
  readonly id: string;
  readonly run: Image;
  readonly build: Image;
  /** Of the run image, and of the build image unless that is another stack's. */
  readonly lock: StackLock;
  /** The same lock, or that of the stack that the build image is of. */
  readonly buildLock: StackLock;
  readonly sbom: { readonly run: StackSbom; readonly build: StackSbom };
}

/**
 * Makes base images of distribution packages, without root and without any tool of Debian's.
 * Throws `FILE_NOT_FOUND`, `INVALID_STACK`, `SIGNATURE_INVALID`, `DIGEST_MISMATCH`,
 * `PACKAGE_NOT_FOUND`, `DOWNLOAD_FAILED`, `NOT_FOUND`, `MIRROR_UNKNOWN`, `DISK_FULL`, `CANCELED`.
 */
export async function createStack(inputs: CreateStackInputs): Promise<Stack> {
  const stack = await readStackFile(inputs.stackFile);
  const { lockFile, update, arch } = inputs;
  const known = lockFile === undefined || update === true ? undefined : await readLock(lockFile, stack, arch);
  return withDownloader(inputs, async (downloader) => {
    const lock = known ?? (await resolveStack(stack, inputs, downloader));
    const created = await assemble(stack, lock, inputs, downloader);
    if (known === undefined && lockFile !== undefined) await writeLock(lockFile, lock);
    return created;
  });
}

/**
 * The inputs of this stack and, when another one has its build image, of that one; its lock is
 * beside the lock of the first. Throws `INVALID_STACK` when the other one has none either.
 */
export async function inputsOfEach<T extends Pick<CreateStackInputs, "stackFile" | "lockFile" | "arch">>(
  inputs: T,
): Promise<readonly T[]> {
  const { buildOf } = await readStackFile(inputs.stackFile);
  if (buildOf === undefined) return [inputs];
  const other = await readStackFile(buildOf);
  if (other.buildOf !== undefined) {
    throw new TspackError("INVALID_STACK", `${buildOf} has no build image of its own, so build-of can not name it`, {
      hint: `name ${other.buildOf}`,
    });
  }
  const { lockFile } = inputs;
  const beside = lockFile === undefined ? undefined : join(dirname(lockFile), lockName(other, inputs.arch));
  return [inputs, { ...inputs, stackFile: buildOf, lockFile: beside }];
}

/** What finding packages needs of `CreateStackInputs`. */
export type ResolveStackInputs = Pick<CreateStackInputs, "arch" | "mirrors" | "cacheDir" | "ctx" | "network">;

/** Runs `work` with a downloader for these inputs. */
export async function withDownloader<T>(
  inputs: Pick<ResolveStackInputs, "network" | "ctx">,
  work: (downloader: Downloader) => Promise<T>,
): Promise<T> {
  const downloader = await openDownloader(inputs.network ?? {}, inputs.ctx);
  try {
    return await work(downloader);
  } finally {
    await downloader.close();
  }
}

/** Finds the packages of both images in the archive as it is today. */
export async function resolveStack(
  stack: StackFile,
  inputs: ResolveStackInputs,
  downloader: Downloader,
): Promise<StackLock> {
  const { arch, mirrors, cacheDir, ctx } = inputs;
  const step = ctx.progress.start(`Reading package lists (${mirrors.origin})`);
  const keyrings = await Promise.all(stack.keyrings.map((path) => readFile(path)));
  const { suites, components, pins } = stack;
  const archive = await readArchive({ mirrors, suites, components, pins, arch, keyrings, cacheDir }, downloader, ctx);
  const { omit } = stack.packages;
  const run = resolvePackages(archive.packages, { names: stack.packages.run, omit });
  const names = stack.packages.build;
  // What the build image names itself it gets, such as dpkg, which the run image does without.
  const omitForBuild = omit.filter((name) => !names.includes(name));
  const build = resolvePackages(archive.packages, { names, omit: omitForBuild, selected: run });
  step.done(`${run.length} packages for the run image, ${build.length} more for the build image`);
  return {
    version: 1,
    stack: stack.id,
    arch,
    request: requestDigest(stack),
    released: archive.date.toISOString().replace(".000Z", "Z"),
    packages: [...run.map((each) => lockPackage(each, "run")), ...build.map((each) => lockPackage(each, "build"))],
  };
}

async function assemble(
  stack: StackFile,
  lock: StackLock,
  inputs: CreateStackInputs,
  downloader: Downloader,
): Promise<Stack> {
  const memo = layerMemo(inputs.cacheDir, stack, lock);
  const known = await memo.recall(inputs.blobs);
  const layers = known ?? (await packLayers(stack, lock, inputs, downloader));
  if (known === undefined) await memo.keep(layers);
  const run = stackImage("run", stack, lock, layers.slice(0, 1));
  const runSbom = stackSbom("run", stack, lock);
  const [, other] = await inputsOfEach(inputs);
  if (other !== undefined) {
    const { build: shared, buildLock, sbom } = await createStack(other);
    const build = await forRunImage(shared, buildLock, lock, inputs);
    return { id: stack.id, run, build, lock, buildLock, sbom: { run: runSbom, build: sbom.build } };
  }
  const build = stackImage("build", stack, lock, layers);
  const sbom = { run: runSbom, build: stackSbom("build", stack, lock) };
  return { id: stack.id, run, build, lock, buildLock: lock, sbom };
}

/** Another stack's build image that knows which of its packages this stack's run image does not have. */
async function forRunImage(
  build: Image,
  buildLock: StackLock,
  lock: StackLock,
  { blobs, ctx }: CreateStackInputs,
): Promise<Image> {
  const present = new Set(lock.packages.map(({ name }) => name));
  const lacking = buildLock.packages.map(({ name }) => name).filter((name) => !present.has(name));
  const layer = await packLackingPackages(lacking.sort(), blobs, ctx);
  const { created } = (await build.config()).value;
  const text = `tspack stack ${lock.stack}: what its run image does not have`;
  const history = { ...(created !== undefined && { created }), created_by: text };
  return mutate(build, appendLayers([{ layer, history }]));
}

async function packLayers(
  stack: StackFile,
  lock: StackLock,
  { arch, mirrors, cacheDir, blobs, ctx }: CreateStackInputs,
  downloader: Downloader,
): Promise<readonly Layer[]> {
  const files = fetchPackages({ packages: lock.packages, mirrors, cacheDir }, downloader, ctx);
  const tree = openRootTree(stack, arch);
  const of = (image: LockedPackage["image"]): readonly LockedPackage[] =>
    lock.packages.filter((each) => each.image === image);
  const base = { stack, arch, files, tree };
  if (stack.buildOf !== undefined)
    return [await packStackLayer({ ...base, isBase: true, packages: of("run") }, blobs, ctx)];
  // The second layer is what the first one does not have, so that the two cannot be made at once.
  const run = await packStackLayer({ ...base, isBase: true, packages: of("run") }, blobs, ctx);
  const build = await packStackLayer({ ...base, isBase: false, packages: of("build") }, blobs, ctx);
  return [run, build];
}
