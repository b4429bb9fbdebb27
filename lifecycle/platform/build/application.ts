import { constants, type Dirent } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { Context } from "../../context.ts";

/** Which paths of the application take part: relative, with `/`; a directory's name ends in `/`. */
export type IncludePath = (path: string) => boolean;

/** What was copied. */
export interface CopiedApplication {
  readonly files: number;
  readonly bytes: number;
  /** Entries that are neither file, directory nor link, which an image can not hold usefully. */
  readonly skipped: readonly string[];
}

/**
 * Copies an application to where buildpacks may write: they never see the original. Links are
 * copied as links; data is shared with the original where the file system can (reflink).
 * Throws `FILE_NOT_FOUND`, `INVALID_ARGUMENTS`, `CANCELED`.
 */
export async function copyApplication(
  source: string,
  target: string,
  include: IncludePath,
  ctx: Context,
): Promise<CopiedApplication> {
  await requireDirectory(source);
  const state = { files: 0, bytes: 0, skipped: [] as string[] };
  const walk = async (relative: string): Promise<void> => {
    if (ctx.signal.aborted) throw new TspackError("CANCELED", "canceled");
    for (const entry of await readDirectory(join(source, relative), relative)) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (!include(entry.isDirectory() ? `${path}/` : path)) continue;
      const [from, to] = [join(source, path), join(target, path)];
      if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
      else if (entry.isDirectory()) await copyDirectory(from, to, () => walk(path));
      else if (entry.isFile()) await copyOne(from, to, path, state);
      else state.skipped.push(path);
    }
  };
  await walk("");
  return state;
}

async function readDirectory(path: string, relative: string): Promise<readonly Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(relative === "" ? "." : relative, error);
  });
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function copyDirectory(from: string, to: string, inside: () => Promise<void>): Promise<void> {
  const { mode } = await lstat(from);
  await mkdir(to, { mode: 0o700 });
  await inside();
  await chmod(to, mode & 0o7777);
}

async function copyOne(from: string, to: string, path: string, state: { files: number; bytes: number }): Promise<void> {
  try {
    const { mode, size } = await lstat(from);
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(to, mode & 0o7777);
    state.files += 1;
    state.bytes += size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): TspackError {
  if (errorCode(cause) === "ENOSPC") {
    return new TspackError("DISK_FULL", `no space left while copying ${path} of the application`, {
      cause,
      hint: "free disk space, or set TSPACK_HOME to a larger disk",
    });
  }
  if (errorCode(cause) === "ENOENT") {
    return new TspackError("FILE_NOT_FOUND", `${path} of the application disappeared while it was copied`, {
      cause,
      hint: "build again when nothing changes the directory",
    });
  }
  return new TspackError("INVALID_ARGUMENTS", `${path} of the application can not be read`, {
    cause,
    hint: "make it readable, or leave it out with [_] exclude or [io.buildpacks] exclude in project.toml",
  });
}

async function requireDirectory(path: string): Promise<void> {
  const info = await lstat(path).catch(() => undefined);
  if (info?.isDirectory() === true || info?.isSymbolicLink() === true) return;
  const got = info === undefined ? "nothing there" : "a file";
  throw new InputError(
    "FILE_NOT_FOUND",
    `the application's directory ${path} can not be used`,
    [{ source: "--path", path: "", expected: "a directory", got }],
    {
      hint: "give the directory of the application with --path",
    },
  );
}
