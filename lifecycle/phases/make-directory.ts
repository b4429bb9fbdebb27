import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The bit of a mode: what is made in such a directory gets its group, and directories the bit as well. */
export const setgid = 0o2000;

/**
 * Makes a directory and what is missing above it. On volumes of a group (setgid, such as those of
 * Kubernetes with an fsGroup) everything new inherits the bit, and layers would have other digests
 * than elsewhere. So ours are made without it, and what buildpacks make inside is too.
 */
export function makeDirectory(path: string): void {
  const created = mkdirSync(path, { recursive: true });
  if (created === undefined) return;
  const topmost = resolve(created);
  for (let made = resolve(path); made.length >= topmost.length; made = dirname(made)) clearSetgid(made);
}

function clearSetgid(directory: string): void {
  // Not by its name: nobody can put a link there in between.
  const file = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const mode = fstatSync(file).mode & 0o7777;
    if ((mode & setgid) !== 0) fchmodSync(file, mode & ~setgid);
  } finally {
    closeSync(file);
  }
}
