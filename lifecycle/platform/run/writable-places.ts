import { chmod, cp, lstat, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { errorCode, TspackError } from "../../errors.ts";
import type { RunnerVolume } from "../runners/runner.ts";
import type { SandboxMount } from "../runners/sandbox/spec.ts";
import { findInRootfs } from "./path-in-rootfs.ts";

/** What may be written while an image runs, and where that is kept for as long. */
export interface WritableInputs {
  readonly rootfs: string;
  /** Without links. */
  readonly workdir: string;
  readonly home: string;
  readonly volumes: readonly RunnerVolume[];
  /** A private directory of this run. */
  readonly work: string;
}

/**
 * The mounts of everything that the process may write: `/tmp`, its home, a copy of its working
 * directory, and volumes. A volume inside of another place needs its mount point there first.
 */
export async function writableMounts(inputs: WritableInputs): Promise<readonly SandboxMount[]> {
  const { workdir, home, volumes } = inputs;
  const empty = [...new Set(["/tmp", home])].filter((place) => !isCovered(place, volumes));
  const kept = workdir === "/" || empty.includes(workdir) || isCovered(workdir, volumes);
  const inner = kept ? volumes : [...volumes, { source: await workdirCopy(inputs), target: workdir, writable: true }];
  const mounts = await Promise.all(empty.map((target, index) => emptyPlace(target, index, inner, inputs.work)));
  const all = [...mounts, ...inner.map(({ source, target, writable }) => mountOf(source, target, writable))];
  // What is further up comes first: it would hide the other.
  return all.sort((a, b) => a.target.length - b.target.length);
}

function mountOf(source: string, target: string, writable: boolean): SandboxMount {
  return { kind: writable ? "rw" : "ro", source, target };
}

/** Whether a volume is mounted on a place, or on a directory above it. */
function isCovered(place: string, volumes: readonly RunnerVolume[]): boolean {
  return volumes.some(({ target }) => place === target || place.startsWith(`${target}/`));
}

async function emptyPlace(
  target: string,
  index: number,
  inner: readonly RunnerVolume[],
  work: string,
): Promise<SandboxMount> {
  if (volumesIn(target, inner).length === 0) return { kind: "tmpfs", target };
  const source = join(work, `empty-${index}`);
  await mkdir(source);
  await chmod(source, 0o1777);
  await makeMountPoints(source, target, inner);
  return mountOf(source, target, true);
}

async function workdirCopy({ rootfs, workdir, work, volumes }: WritableInputs): Promise<string> {
  const copy = join(work, "workdir");
  const found = findInRootfs(rootfs, workdir);
  await mkdir(copy);
  if (found !== undefined)
    await cp(found.source, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, mode: 2 });
  await makeMountPoints(copy, workdir, volumes);
  return copy;
}

function volumesIn(place: string, volumes: readonly RunnerVolume[]): readonly RunnerVolume[] {
  return volumes.filter(({ target }) => target.startsWith(`${place}/`));
}

async function makeMountPoints(directory: string, place: string, volumes: readonly RunnerVolume[]): Promise<void> {
  for (const { source, target } of volumesIn(place, volumes)) {
    const point = posix.relative(place, target);
    await refuseLinks(directory, point, target);
    const isDirectory = (await lstat(source)).isDirectory();
    await mkdir(isDirectory ? join(directory, point) : dirname(join(directory, point)), { recursive: true });
    if (isDirectory) continue;
    await writeFile(join(directory, point), "", { flag: "wx" }).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
  }
}

/** Followed from outside, a link of the image would lead to this machine's own files. */
async function refuseLinks(directory: string, point: string, target: string): Promise<void> {
  let at = directory;
  for (const part of point.split("/")) {
    at = join(at, part);
    const info = await lstat(at).catch(() => undefined);
    if (info === undefined) return;
    if (!info.isSymbolicLink()) continue;
    throw new TspackError("INVALID_ARGUMENTS", `a volume can not be mounted at ${target}: the image has a link there`, {
      hint: "mount it where the link leads to",
    });
  }
}
