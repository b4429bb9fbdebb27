import { constants, lstatSync, readdirSync } from "node:fs";
import { chmod, copyFile, link, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../../errors.ts";
import type { BuilderAddition } from "../../buildpacks/additions.ts";
import { fileInRootfs } from "../../rootfs-files.ts";
import type { SandboxMount } from "./spec.ts";

/** Where builders keep a directory for each version of each buildpack and extension. */
const collections = ["/cnb/buildpacks", "/cnb/extensions"];

/**
 * The mounts that put additions into a builder whose unpacked root is shared with other builds and
 * stays as it is. A collection is put together anew, of links to the same files, and mounted as a
 * whole: mounts within it would be looked up below the mount that covers them. `scratch` is
 * private to the build; what an earlier phase put there is used again.
 */
export async function additionMounts(
  rootfs: string,
  additions: readonly BuilderAddition[],
  scratch: string,
): Promise<readonly SandboxMount[]> {
  const mounts: SandboxMount[] = [];
  for (const collection of collections) {
    const added = additions.filter(({ target }) => target.startsWith(`${collection}/`));
    if (added.length === 0) continue;
    const source = join(scratch, collection);
    if (lstatSync(source, { throwIfNoEntry: false }) === undefined) await gather(rootfs, collection, added, scratch);
    mounts.push({ kind: "ro", source, target: collection });
  }
  const isModule = (target: string): boolean => collections.some((collection) => target.startsWith(`${collection}/`));
  const others = additions.filter(({ target }) => !isModule(target));
  return [...mounts, ...others.map(({ source, target }) => ({ kind: "ro" as const, source, target }))];
}

async function gather(
  rootfs: string,
  collection: string,
  added: readonly BuilderAddition[],
  scratch: string,
): Promise<void> {
  const own = ownModules(rootfs, collection).filter(({ target }) => added.every((one) => one.target !== target));
  for (const { source, target } of [...own, ...added]) {
    await mkdir(join(scratch, target), { recursive: true, mode: 0o755 });
    await linkTree(source, join(scratch, target));
  }
}

/** Real directories only: a link of the image would lead to this machine's own files. */
function ownModules(rootfs: string, collection: string): readonly BuilderAddition[] {
  const top = fileInRootfs(rootfs, collection);
  if (top === undefined || !lstatSync(top).isDirectory()) return [];
  return directoriesIn(top).flatMap((id) =>
    directoriesIn(join(top, id)).map((version) => ({
      source: join(top, id, version),
      target: join(collection, id, version),
    })),
  );
}

function directoriesIn(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/** The same tree again, with the same files: it is only ever mounted read-only. */
async function linkTree(source: string, target: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) {
      await mkdir(to, { mode: 0o700 });
      await linkTree(from, to);
    } else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else if (entry.isFile()) await linkFile(from, to);
  }
  await chmod(target, (await lstat(source)).mode & 0o7777);
}

/** A link where the file system makes one, else a copy. */
async function linkFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(errorCode(error) ?? "")) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  }
}
