import { lstatSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BuilderAddition } from "../../buildpacks/additions.ts";
import { fileInRootfs } from "../../rootfs-files.ts";
import type { SandboxMount } from "./spec.ts";

/** Where builders keep a directory for each version of each buildpack and extension. */
const collections = ["/cnb/buildpacks", "/cnb/extensions"];

/**
 * The mounts that put additions into a builder whose unpacked root is shared with other builds and
 * stays as it is. Over a collection comes an empty directory with a place for each module, then the
 * builder's own modules and the added ones. `scratch` is private to the build.
 */
export async function additionMounts(
  rootfs: string,
  additions: readonly BuilderAddition[],
  scratch: string,
): Promise<readonly SandboxMount[]> {
  const mounts: SandboxMount[] = [];
  for (const collection of collections) {
    const added = additions.filter(({ target }) => target.startsWith(`${collection}/`));
    if (added.length > 0) mounts.push(...(await collectionMounts(rootfs, collection, added, scratch)));
  }
  const others = additions.filter(
    ({ target }) => !collections.some((collection) => target.startsWith(`${collection}/`)),
  );
  return [...mounts, ...others.map(({ source, target }) => ({ kind: "ro" as const, source, target }))];
}

async function collectionMounts(
  rootfs: string,
  collection: string,
  added: readonly BuilderAddition[],
  scratch: string,
): Promise<readonly SandboxMount[]> {
  const own = ownModules(rootfs, collection).filter(({ target }) => added.every((one) => one.target !== target));
  const base = join(scratch, collection);
  const modules = [...own, ...added];
  for (const { target } of modules) await mkdir(join(scratch, target), { recursive: true, mode: 0o755 });
  return [
    { kind: "ro", source: base, target: collection },
    ...modules.map(({ source, target }) => ({ kind: "ro" as const, source, target })),
  ];
}

/** Real directories only: a mount would follow a link of the image into this machine's own files. */
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

/** Whether a target lies below that of an earlier mount, which then has to bring the mount point along. */
export function isCovered(target: string, earlier: readonly SandboxMount[]): boolean {
  const parents = earlier.map((mount) => mount.target);
  for (let at = dirname(target); at !== "/"; at = dirname(at)) if (parents.includes(at)) return true;
  return false;
}
