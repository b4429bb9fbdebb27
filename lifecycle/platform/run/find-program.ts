import { closeSync, openSync, readSync } from "node:fs";
import { posix } from "node:path";
import { findInRootfs } from "./path-in-rootfs.ts";

/** Whether a program can be started, as shells and engines say it: 127 it is not there, 126 it can not be. */
export type ProgramCheck = { readonly path: string } | { readonly status: 126 | 127; readonly reason: string };

/** Where a program is looked for. */
export interface ProgramSearch {
  readonly rootfs: string;
  /** Directories of `PATH`. */
  readonly path: readonly string[];
  /** Relative programs start here. */
  readonly workdir: string;
  /** Places whose content is not the image's: what is in them is not judged. */
  readonly covered: readonly string[];
}

/** Looks for a program of an image before anything is started. */
export function findProgramIn(program: string, search: ProgramSearch): ProgramCheck {
  if (program.includes("/")) return checkFile(posix.resolve(search.workdir, program), search);
  const found = search.path
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => checkFile(posix.join(directory, program), search));
  const first = found.find((each) => "path" in each) ?? found.find((each) => "status" in each && each.status === 126);
  return first ?? { status: 127, reason: `there is no program ${JSON.stringify(program)} in the image's PATH` };
}

function checkFile(path: string, search: ProgramSearch): ProgramCheck {
  if (search.covered.some((place) => path === place || path.startsWith(`${place}/`))) return { path };
  const found = findInRootfs(search.rootfs, path);
  if (found === undefined) return { status: 127, reason: `there is no ${path} in the image` };
  if (!found.info.isFile()) return { status: 126, reason: `${path} in the image is not a file` };
  if ((found.info.mode & 0o111) === 0) return { status: 126, reason: `${path} in the image is not executable` };
  const interpreter = interpreterOf(found.source);
  if (interpreter === undefined || findInRootfs(search.rootfs, interpreter) !== undefined) return { path };
  return { status: 127, reason: `${path} is a script for ${interpreter}, which is not in the image` };
}

/** The program that the first line of a script names. */
function interpreterOf(file: string): string | undefined {
  const buffer = Buffer.alloc(256);
  const descriptor = openSync(file, "r");
  try {
    const text = buffer.toString("latin1", 0, readSync(descriptor, buffer));
    return /^#![ \t]*(\/[^\s\0]+)/.exec(text)?.[1];
  } finally {
    closeSync(descriptor);
  }
}
