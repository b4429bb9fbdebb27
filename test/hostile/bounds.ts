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

/** Fails when an action takes longer than so many milliseconds: many times of what it needs, so that a busy machine passes. */
export async function within<T>(milliseconds: number, action: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  const took = Math.round(performance.now() - start);
  if (took > milliseconds) throw new Error(`took ${took} ms, not at most ${milliseconds}`);
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
