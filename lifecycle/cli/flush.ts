import type { Writable } from "node:stream";

/**
 * Waits until what was written has been taken. Writes to a pipe are on their way only, and a
 * process that exits cuts them off: with a slow reader the end of a log, the error, would be lost.
 * A reader that has gone is not waited for; one that does not read at all is, but not after `limit`.
 */
export async function flush(streams: readonly Writable[], limit?: AbortSignal): Promise<void> {
  const taken = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        if (stream.destroyed) return resolve();
        stream.once("error", () => resolve());
        stream.write("", () => resolve());
      }),
  );
  const limited = new Promise<void>((resolve) => limit?.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([Promise.all(taken), limited]);
}
