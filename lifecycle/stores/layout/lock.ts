import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, TspackError } from "../../errors.ts";
import { isRunning } from "../leases.ts";

/** How a lock is waited for. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until `LOCK_TIMEOUT`. */
  readonly timeout?: number | undefined;
  /** Milliseconds without a sign of life after which a lock is nobody's. */
  readonly stale?: number | undefined;
}

/**
 * Works while holding the lock file `path`, which other processes respect. A lock whose process
 * has ended, or which was not touched for long, is taken over. Throws `LOCK_TIMEOUT`, `CANCELED`.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { timeout = 60_000, stale = 30_000 } = options;
  const owner = `${hostname()} ${process.pid} ${randomBytes(8).toString("hex")}\n`;
  await waitFor(path, owner, { ...options, timeout, stale });
  const alive = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), stale / 3);
  alive.unref();
  try {
    return await work();
  } finally {
    clearInterval(alive);
    if ((await content(path)) === owner) await rm(path, { force: true });
  }
}

async function waitFor(
  path: string,
  owner: string,
  { signal, timeout, stale }: LockOptions & { readonly timeout: number; readonly stale: number },
): Promise<void> {
  const deadline = Date.now() + timeout;
  const prepared = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(prepared, owner, { flag: "wx", mode: 0o644 });
    while (!(await acquire(path, prepared, owner))) {
      if (signal?.aborted === true) throw new TspackError("CANCELED", "stopped while waiting for a lock");
      await removeStale(path, stale);
      if (Date.now() > deadline) {
        throw new TspackError("LOCK_TIMEOUT", `${path} is held by another process`, {
          hint: "wait for the other build, or remove the file if no tspack is running",
        });
      }
      await sleep(5 + Math.random() * 20);
    }
  } finally {
    await rm(prepared, { force: true });
  }
}

/**
 * The lock appears with its owner in it: one who is killed between making a file and writing it
 * would leave a lock that nobody can tell from a living one.
 */
async function acquire(path: string, prepared: string, owner: string): Promise<boolean> {
  try {
    await link(prepared, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    if (!noLinks.includes(errorCode(error) ?? "")) throw error;
    return createLock(path, owner);
  }
}

/** What file systems without hard links say. */
const noLinks: readonly string[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

async function createLock(path: string, owner: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: "wx", mode: 0o644 });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function content(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Moves a dead lock away under another name first: two who find it dead must not remove a new one. */
async function removeStale(path: string, stale: number): Promise<void> {
  const owner = await content(path);
  if (owner === undefined || !(await isStale(path, owner, stale))) return;
  const moved = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, moved);
    // Somebody was faster and the lock that we moved is a living one: give it back.
    if ((await content(moved)) !== owner) await link(moved, path);
  } catch {
    // Gone already, or taken again: the next round sees.
  } finally {
    await unlink(moved).catch(() => {});
  }
}

async function isStale(path: string, owner: string, stale: number): Promise<boolean> {
  const [host, pid] = owner.split(" ");
  if (host === hostname() && /^\d+$/.test(pid ?? "") && !isRunning(Number(pid))) return true;
  try {
    return Date.now() - (await stat(path)).mtimeMs > stale;
  } catch {
    return false;
  }
}
