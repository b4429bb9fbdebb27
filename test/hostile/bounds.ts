import { TspackError } from "../../lifecycle/errors.ts";

/** The code that an action fails with; "none" when it does not fail. Anything but an error of ours is thrown on. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
    return "none";
  } catch (error) {
    if (error instanceof TspackError) return error.code;
    throw error;
  }
}

/**
 * Fails when an action needs more than so many milliseconds of a processor: many times of what it
 * does need. On a machine that does other things at the same time, waiting may take six times as long.
 */
export async function within<T>(milliseconds: number, action: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const before = process.cpuUsage();
  const result = await action();
  const { user, system } = process.cpuUsage(before);
  const worked = Math.round((user + system) / 1000);
  const took = Math.round(performance.now() - start);
  if (worked > milliseconds || took > 6 * milliseconds) {
    throw new Error(`took ${took} ms and ${worked} ms of a processor, not at most ${milliseconds}`);
  }
  return result;
}

/** By how many MiB the memory of this process grew at most while an action ran, looked at every few milliseconds. */
export async function growthOf(action: () => unknown): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
  try {
    await action();
  } finally {
    clearInterval(watch);
  }
  return Math.round((Math.max(most, process.memoryUsage.rss()) - before) / 1024 / 1024);
}
