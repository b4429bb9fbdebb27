/**
 * Does the work and what goes on beside it at the same time, and ends when both have ended. The
 * result and the failure are the work's, because the other is worth nothing without it: it is
 * stopped when the work fails. Its own failure counts when the work succeeds.
 */
export async function atOnce<T>(
  work: () => Promise<T>,
  beside: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<T> {
  const failed = new AbortController();
  const main = work().catch((cause: unknown) => {
    failed.abort(cause);
    throw cause;
  });
  const [result, other] = await Promise.allSettled([main, beside(AbortSignal.any([signal, failed.signal]))]);
  if (result.status === "rejected") throw result.reason;
  if (other.status === "rejected") throw other.reason;
  return result.value;
}
