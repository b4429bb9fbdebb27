import { TspackError } from "../../errors.ts";
import type { GitAddress } from "./git-address.ts";
import type { Git } from "./git-program.ts";

/** Milliseconds until a server that has sent nothing complete is asked whether it is there, and again until it is given up. */
export const silence = 30_000;

/**
 * Ends the work when the server does not answer at all: git itself waits for as long as the connection
 * stands, also before TLS. One that answers may take its time. Throws `GIT_FAILED`.
 */
export async function whileAnswering<T>(
  git: Git,
  { url, protocol }: GitAddress,
  patience: number,
  work: (git: Git) => Promise<T>,
): Promise<T> {
  if (protocol === "file") return work(git);
  const [silent, done] = [new AbortController(), new AbortController()];
  const ask = async (): Promise<void> => {
    const late = AbortSignal.timeout(patience);
    // That it refuses is an answer: the work will be told so as well.
    await git
      .until(AbortSignal.any([late, done.signal]))
      .try(["ls-remote", "--quiet", "--", url, "HEAD"])
      .catch(() => {});
    if (late.aborted && !done.signal.aborted) silent.abort();
  };
  const timer = setTimeout(() => void ask(), patience);
  try {
    return await work(git.until(silent.signal));
  } catch (error) {
    if (!silent.signal.aborted) throw error;
    throw new TspackError("GIT_FAILED", `${url} does not answer within ${(patience * 2) / 1000} seconds`, {
      hint: "check the address, the proxy and the firewall; git ls-remote with the same address has to answer",
    });
  } finally {
    clearTimeout(timer);
    done.abort();
  }
}
