import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { errorCode, TspackError } from "../../errors.ts";

/** A path as the system takes it: names need not be UTF-8. */
export type DiskPath = string | Buffer;

/** Copies the content of a file of a size; the copy must not be there yet. */
export type CopyData = (from: DiskPath, to: DiskPath, size: number, name: string) => Promise<void>;

/** A longer one is copied in another thread. */
const largeFile = 4 << 20;

/**
 * Copies a file with its mode and time, and returns its size. A file that something writes to
 * meanwhile is copied once more; `INVALID_ARGUMENTS` when it has changed again, because a half
 * written file must not get into an image. Throws also `FILE_NOT_FOUND`, `DISK_FULL`.
 */
export async function copyFileUnchanged(
  from: DiskPath,
  to: DiskPath,
  name: string,
  copy: CopyData = copyData,
): Promise<number> {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const before = lstat(from, name);
    // Something else may have taken the place of the file; a link would be followed.
    if (before.isFile()) {
      await copy(from, to, before.size, name);
      const after = lstat(from, name);
      if (isSame(before, after)) return finishFile(to, before, name);
      unlinkSync(to);
    }
  }
  throw new TspackError("INVALID_ARGUMENTS", `${name} of the application changes while it is copied`, {
    hint: "stop what writes to it, or leave it out with exclude in project.toml",
  });
}

/** Throws as `copyFileUnchanged` does. */
export async function copyData(from: DiskPath, to: DiskPath, size: number, name: string): Promise<void> {
  const mode = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;
  try {
    if (size > largeFile) await copyFile(from, to, mode);
    else copyFileSync(from, to, mode);
  } catch (error) {
    throw unreadable(name, error);
  }
}

function finishFile(to: DiskPath, { mode, size, atimeMs, mtimeMs }: Stats, name: string): number {
  try {
    // The copy got the permissions already; writing to it may have dropped the special bits.
    if ((mode & 0o7000) !== 0) chmodSync(to, mode & 0o7777);
    utimesSync(to, atimeMs / 1000, mtimeMs / 1000);
    return size;
  } catch (error) {
    throw unreadable(name, error);
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

/** Copies a link as a link, wherever it leads. */
export function copyLink(from: DiskPath, to: DiskPath, name: string): void {
  try {
    symlinkSync(readlinkSync(from, { encoding: "buffer" }), to);
    const { atimeMs, mtimeMs } = lstatSync(from);
    lutimesSync(to, atimeMs / 1000, mtimeMs / 1000);
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** Makes a directory that can be filled; `closeDirectory` gives it its mode. */
export function makeDirectory(to: DiskPath, name: string): void {
  try {
    mkdirSync(to, { mode: 0o700 });
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** Gives a directory the mode and the time of the original, now that everything is in it. */
export function closeDirectory(from: DiskPath, to: DiskPath, name: string): void {
  const { mode, atimeMs, mtimeMs } = lstat(from, name);
  utimesSync(to, atimeMs / 1000, mtimeMs / 1000);
  chmodSync(to, mode & 0o7777);
}

function lstat(path: DiskPath, name: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** Why something of the application can not be copied: `DISK_FULL`, `FILE_NOT_FOUND` or `INVALID_ARGUMENTS`. */
export function unreadable(path: string, cause: unknown): TspackError {
  switch (errorCode(cause) ?? "") {
    case "ENOSPC":
    case "EDQUOT":
      return new TspackError("DISK_FULL", `no space left while copying ${path} of the application`, {
        cause,
        hint: "free disk space, or set TSPACK_HOME to a larger disk",
      });
    case "ENOENT":
    case "ENOTDIR":
      return new TspackError("FILE_NOT_FOUND", `${path} of the application disappeared while it was copied`, {
        cause,
        hint: "build again when nothing changes the directory, or leave it out with exclude in project.toml",
      });
    default:
      return new TspackError("INVALID_ARGUMENTS", `${path} of the application can not be read`, {
        cause,
        hint: "make it readable, or leave it out with exclude of [io.buildpacks] in project.toml",
      });
  }
}
