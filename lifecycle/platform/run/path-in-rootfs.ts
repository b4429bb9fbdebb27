import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { basename, dirname, join, posix } from "node:path";

/** What a path of an image leads to. */
export interface FoundInRootfs {
  /** The path inside of the image, without links. */
  readonly path: string;
  /** Where that is on this machine. */
  readonly source: string;
  readonly info: Stats;
}

/**
 * Follows a path of an unpacked image as a process inside would: links stay below its root.
 * Undefined when nothing is there, or when links lead to each other.
 */
export function findInRootfs(rootfs: string, path: string): FoundInRootfs | undefined {
  let at = "/";
  let left = path.split("/");
  for (let links = 0; left.length > 0;) {
    const [part = "", ...rest] = left;
    left = rest;
    if (part === "" || part === ".") continue;
    const next = posix.join(at, part);
    const info = lstatSync(join(rootfs, next), { throwIfNoEntry: false });
    if (info === undefined) return undefined;
    if (info.isSymbolicLink()) {
      links += 1;
      // The kernel's limit: path_resolution(7).
      if (links > 40) return undefined;
      const target = readlinkSync(join(rootfs, next));
      if (target.startsWith("/")) at = "/";
      left = [...target.split("/"), ...left];
    } else if (!info.isDirectory() && left.some((name) => name !== "")) return undefined;
    else at = next;
  }
  const source = join(rootfs, at);
  return { path: at, source, info: lstatSync(source) };
}

/** A path of an image without the links in the part of it that is there: where something can be mounted. */
export function withoutLinks(rootfs: string, path: string): string {
  const found = findInRootfs(rootfs, path);
  if (found !== undefined || path === "/") return found?.path ?? path;
  return posix.join(withoutLinks(rootfs, dirname(path)), basename(path));
}
