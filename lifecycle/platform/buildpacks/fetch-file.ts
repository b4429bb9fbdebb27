import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { Context } from "../../context.ts";
import { errorCode, RemoteError, TspackError } from "../../errors.ts";
import { type Network, openDispatcher } from "../debian/download.ts";

const attempts = 3;

/** Milliseconds without a byte after which a transfer counts as dead. */
const patience = 60_000;

/**
 * Fetches an address into a file that does not exist yet. Transfers that break and answers of
 * servers in trouble are tried again. Throws `NOT_FOUND`, `DOWNLOAD_FAILED`, `DISK_FULL`, `CANCELED`;
 * no message has a password of the address.
 */
export async function fetchFile(url: string, path: string, network: Network, ctx: Context): Promise<void> {
  const dispatcher = await openDispatcher(network);
  const step = ctx.progress.start(`Fetching ${shownUrl(url)}`, { unit: "bytes" });
  try {
    for (let count = 1; ; count++) {
      try {
        await fetchOnce(url, path, dispatcher, ctx, (bytes) => step.advance(bytes));
        return;
      } catch (error) {
        if (ctx.signal.aborted) throw new TspackError("CANCELED", "canceled", { cause: error });
        if (count === attempts || !isWorthRetry(error)) throw explained(error, url);
        ctx.logger.debug(`retrying ${shownUrl(url)}: ${error instanceof Error ? error.message : String(error)}`);
        await sleep(500 * 2 ** count, undefined, { signal: ctx.signal }).catch(() => undefined);
      }
    }
  } finally {
    step.done();
    await dispatcher.destroy();
  }
}

/** An address without user, password and query, which may hold credentials. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/]*@/i, "$1").replace(/[?#].*$/s, "");
}

async function fetchOnce(
  url: string,
  path: string,
  dispatcher: Dispatcher,
  ctx: Context,
  onBytes: (count: number) => void,
): Promise<void> {
  const { request } = await import("../../third-party/undici-downloads.ts");
  const response = await request(url, {
    dispatcher,
    signal: ctx.signal,
    headersTimeout: patience,
    bodyTimeout: patience,
    headers: { "accept-encoding": "identity" },
  });
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw refused(url, response.statusCode);
  }
  if (isDowngraded(url, response.context)) {
    await response.body.dump();
    throw refusedRedirect(url);
  }
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
  await pipeline(counted, createWriteStream(path, { flags: "w", mode: 0o600 }));
}

/** Whether redirects led from HTTPS to what anybody on the way can change: nothing else vouches for a buildpack. */
function isDowngraded(url: string, context: object): boolean {
  const { history = [] } = context as { readonly history?: readonly URL[] };
  return /^https:/i.test(url) && history.some(({ protocol }) => protocol !== "https:");
}

function refusedRedirect(url: string): RemoteError {
  const remote = { status: undefined, method: "GET", url: shownUrl(url), side: "source" } as const;
  const message = `${shownUrl(url)} leads from https to http, which is not followed`;
  return new RemoteError("DOWNLOAD_FAILED", message, remote, { hint: "fetch the file yourself, and give its path" });
}

function refused(url: string, status: number): RemoteError {
  const remote = { status, method: "GET", url: shownUrl(url), side: "source" } as const;
  const hint = status === 401 || status === 403 ? "fetch the file yourself, and give its path" : "check the address";
  return new RemoteError(
    status === 404 ? "NOT_FOUND" : "DOWNLOAD_FAILED",
    `the server answered ${status} for ${shownUrl(url)}`,
    remote,
    { hint },
  );
}

function isWorthRetry(error: unknown): boolean {
  if (errorCode(error) === "ENOSPC") return false;
  if (!(error instanceof RemoteError)) return true;
  const status = error.remote.status ?? 0;
  return status === 408 || status === 429 || status >= 500;
}

function explained(error: unknown, url: string): TspackError {
  if (error instanceof TspackError) return error;
  if (errorCode(error) === "ENOSPC")
    return new TspackError("DISK_FULL", `no space left for ${shownUrl(url)}`, {
      cause: error,
      hint: "free disk space, or set TSPACK_HOME to a larger disk",
    });
  const reason = error instanceof Error ? error.message || (errorCode(error) ?? error.name) : String(error);
  const remote = { status: undefined, method: "GET", url: shownUrl(url), side: "source" } as const;
  return new RemoteError("DOWNLOAD_FAILED", `${shownUrl(url)} can not be fetched: ${reason}`, remote, {
    cause: error,
    hint: "check the address, the network and the proxy variables",
  });
}
