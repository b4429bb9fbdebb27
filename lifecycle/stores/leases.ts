import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode } from "../errors.ts";

/** Milliseconds after which a lease is nobody's, whatever it says: no build takes that long. */
const longest = 24 * 60 * 60 * 1000;

/** File systems give times of a clock that is up to a tick behind. */
const clockLag = 50;

/**
 * Tells those who collect garbage that somebody works here. Whoever has a lease marks what it uses
 * by touching it, so everything that was touched since the oldest lease began may be in use.
 */
export interface Leases {
  /** Takes a lease, once. Before anything is looked up: what is found after that stays. */
  begin(): Promise<void>;
  /** Gives it back. A process that ends without doing so loses it, too. */
  end(): Promise<void>;
  /** Since when somebody may be using things, in milliseconds since 1970 by the file system's clock. */
  earliest(): Promise<number>;
}

/** The leases in a directory, which is made at the first one. A file each, with who has it in its name. */
export function openLeases(directory: string): Leases {
  const path = join(directory, `${process.pid}.${randomBytes(6).toString("hex")}@${hostname()}`);
  let begun: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(path, "", { flag: "wx", mode: 0o600 });
    // Commands that only look end without giving theirs back, and nobody may ever collect garbage.
    await earliestIn(directory);
  };
  // A full or read-only disk is no reason not to read: an hour without a touch has to be enough then.
  const tolerant = (error: unknown): void => {
    if (errorCode(error) === undefined) throw error;
  };
  return {
    begin: () => (begun ??= begin().catch(tolerant)),
    end: async () => {
      if (begun === undefined) return;
      await begun;
      begun = undefined;
      await rm(path, { force: true });
    },
    earliest: () => earliestIn(directory),
  };
}

async function earliestIn(directory: string): Promise<number> {
  let earliest = Number.POSITIVE_INFINITY;
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    const began = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (began === undefined) continue;
    if (isOver(name, began)) await rm(path, { force: true });
    else earliest = Math.min(earliest, began - clockLag);
  }
  return earliest;
}

/** Of a process of another machine or container nothing is known but its age. */
function isOver(name: string, began: number): boolean {
  if (Date.now() - began > longest) return true;
  const [, pid, host] = /^(\d+)\.[0-9a-f]+@(.*)$/s.exec(name) ?? [];
  return host === hostname() && !isRunning(Number(pid));
}

/** Whether there is a process of this number. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
