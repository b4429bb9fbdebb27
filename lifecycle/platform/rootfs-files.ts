import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Where a file of an unpacked image is on this machine; undefined when it is not there or when
 * a symbolic link lies on the way: followed from outside, a link of an image would lead to
 * this machine's own files.
 */
export function fileInRootfs(rootfs: string, path: string): string | undefined {
  let at = rootfs === "/" ? "" : rootfs;
  for (const part of path.split("/").filter((name) => name !== "")) {
    at = join(at === "" ? "/" : at, part);
    const info = lstatSync(at, { throwIfNoEntry: false });
    // In the builder itself (`/`) links are as trusted as the files.
    if (info === undefined || (info.isSymbolicLink() && rootfs !== "/")) return undefined;
  }
  return at;
}

/** The home directory that an image's `/etc/passwd` has for a user; `/tmp` for an unknown one. */
export function homeOf(rootfs: string, uid: number): string {
  const file = fileInRootfs(rootfs, "/etc/passwd");
  const lines = file === undefined ? [] : readFileSync(file, "utf8").split("\n");
  const home = lines.map((line) => line.split(":")).find((fields) => fields[2] === String(uid))?.[5];
  return home === undefined || !/^\/[^:]*[^/:]$/.test(home) || home.split("/").includes("..") ? "/tmp" : home;
}
