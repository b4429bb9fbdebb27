import { createHash, randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { Context } from "../../context.ts";
import { errorCode, RemoteError, TspackError } from "../../errors.ts";
import { withoutCredentials } from "../../addresses.ts";

/** How this machine reaches the network. Values are read from the environment in cli/. */
export interface Network {
  /** PEM file of further certificate authorities for https mirrors. */
  readonly caFile?: string | undefined;
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** A file that is wanted, and what it has to be. */
export interface Wanted {
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** Fetches files by http and https, with retries. */
export interface Downloader {
  /** A small file whose content vouches for itself (`InRelease`). Throws `DOWNLOAD_FAILED`, `NOT_FOUND`. */
  text(url: string, limit: number): Promise<string>;
  /**
   * Puts a file at `path`, complete and verified, or not at all; one that is there already
   * with the right size is kept. Throws `DOWNLOAD_FAILED`, `NOT_FOUND`, `DIGEST_MISMATCH`, `DISK_FULL`.
   */
  file(wanted: Wanted, path: string, onBytes?: (count: number) => void): Promise<void>;
  /** Ends what is still under way. */
  close(): Promise<void>;
}

/** How long to wait between attempts. */
export interface RetryOptions {
  /** Milliseconds before the second attempt; doubled for each one after it. */
  readonly delay: number;
}

const attempts = 4;
const patience: RetryOptions = { delay: 500 };

/** Opens a downloader; connections are kept until `close`. */
export async function openDownloader(
  network: Network,
  ctx: Context,
  retry: RetryOptions = patience,
): Promise<Downloader> {
  const dispatcher = await openDispatcher(network);
  const closing = new AbortController();
  const inner = { ...ctx, signal: AbortSignal.any([ctx.signal, closing.signal]) };
  // One for each request; more than the ten that count as a leak are meant here.
  setMaxListeners(100, inner.signal);
  const get = (url: string, from: number): Promise<Dispatcher.ResponseData> => request(dispatcher, url, from, inner);
  return {
    text: (url, limit) => withRetries(url, inner, retry, () => readText(get, url, limit)),
    file: async (wanted, path, onBytes) => {
      if (await hasSize(path, wanted.size)) {
        onBytes?.(wanted.size);
        return;
      }
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const partial = `${path}.${randomUUID()}.partial`;
      try {
        await withRetries(wanted.url, inner, retry, () => fetchInto(get, wanted, partial, onBytes));
        await rename(partial, path);
      } finally {
        await rm(partial, { force: true });
      }
    },
    close: async () => {
      closing.abort();
      await dispatcher.destroy();
    },
  };
}

/** Reads a file and checks what it is; undefined when it is absent or damaged (and then removed). */
export async function readVerified(path: string, wanted: Omit<Wanted, "url">): Promise<Buffer | undefined> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  if (bytes.length === wanted.size && createHash("sha256").update(bytes).digest("hex") === wanted.sha256) return bytes;
  await rm(path, { force: true });
  return undefined;
}

type Get = (url: string, from: number) => Promise<Dispatcher.ResponseData>;

/** Opens connections to http and https addresses as this machine reaches them: certificates, proxies, redirects. */
export async function openDispatcher(network: Network): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, interceptors } = await import("../../third-party/undici-downloads.ts");
  const ca = network.caFile === undefined ? undefined : await readFile(network.caFile, "utf8");
  const { rootCertificates } = await import("node:tls");
  const connect = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const agent = new EnvHttpProxyAgent({
    connect,
    requestTls: connect,
    connections: 8,
    pipelining: 1,
    // Empty text keeps the agent from looking into the environment itself.
    httpProxy: network.httpProxy ?? "",
    httpsProxy: network.httpsProxy ?? "",
    noProxy: network.noProxy ?? "",
    proxyTunnel: false,
  });
  return agent.compose(interceptors.redirect({ maxRedirections: 5 }));
}

async function request(
  dispatcher: Dispatcher,
  url: string,
  from: number,
  ctx: Context,
): Promise<Dispatcher.ResponseData> {
  const { request: send } = await import("../../third-party/undici-downloads.ts");
  const response = await send(url, {
    dispatcher,
    method: "GET",
    signal: ctx.signal,
    headersTimeout: 30_000,
    bodyTimeout: 60_000,
    // Packages are compressed already, and sizes are those of the stored files.
    headers: { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) },
  });
  if (response.statusCode === 200 || (from > 0 && response.statusCode === 206)) return response;
  await response.body.dump();
  const shown = withoutCredentials(url);
  const remote = { status: response.statusCode, method: "GET", url: shown, side: "source" } as const;
  const code = response.statusCode === 404 ? "NOT_FOUND" : "DOWNLOAD_FAILED";
  throw new RemoteError(code, `The mirror answered ${response.statusCode} for ${shown}`, remote);
}

async function readText(get: Get, url: string, limit: number): Promise<string> {
  const response = await get(url, 0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit)
      throw new TspackError("DOWNLOAD_FAILED", `${withoutCredentials(url)} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

// Goes on where an earlier attempt stopped, when the mirror can do that.
async function fetchInto(get: Get, wanted: Wanted, partial: string, onBytes?: (count: number) => void): Promise<void> {
  const file = await open(partial, "a+", 0o600);
  try {
    const present = (await file.stat()).size;
    const hash = createHash("sha256");
    const response = await get(wanted.url, present);
    let size = 0;
    if (response.statusCode === 206) {
      hash.update((await readFile(partial)).subarray(0, present));
      size = present;
    } else {
      await file.truncate(0);
      onBytes?.(-present);
    }
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > wanted.size) break;
      hash.update(chunk);
      await file.write(chunk);
      onBytes?.(chunk.length);
    }
    const sha256 = hash.digest("hex");
    if (size === wanted.size && sha256 === wanted.sha256) return;
    await file.truncate(0);
    onBytes?.(-Math.min(size, wanted.size));
    throw mismatch(wanted, size, sha256);
  } finally {
    await file.close();
  }
}

function mismatch(wanted: Wanted, size: number, sha256: string): TspackError {
  const shown = withoutCredentials(wanted.url);
  return new TspackError(
    "DIGEST_MISMATCH",
    `${shown} is not the file that the archive signed for: expected ${wanted.size} bytes with SHA-256 ` +
      `${wanted.sha256}, got ${size > wanted.size ? `more than ${wanted.size}` : size} bytes with ${sha256}`,
    { hint: "the mirror may be in the middle of an update: try again later, or use another mirror" },
  );
}

async function withRetries<T>(url: string, ctx: Context, retry: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (ctx.signal.aborted) throw new TspackError("CANCELED", "Canceled while downloading", { cause: error });
      if (errorCode(error) === "ENOSPC") {
        const hint = "free some space, or move the cache with TSPACK_HOME";
        throw new TspackError("DISK_FULL", "The disk is full: a download cannot be kept", { cause: error, hint });
      }
      if (count === attempts || !isWorthRetry(error, count)) throw asDownloadError(error, url);
      ctx.logger.debug(
        `retrying ${withoutCredentials(url)}: ${error instanceof Error ? error.message : String(error)}`,
      );
      await sleep(retry.delay * 2 ** (count - 1), undefined, { signal: ctx.signal }).catch(() => undefined);
    }
  }
}

function isWorthRetry(error: unknown, count: number): boolean {
  if (error instanceof RemoteError) {
    const status = error.remote.status ?? 0;
    return status === 408 || status === 429 || status >= 500;
  }
  // A hash that is wrong twice is not a broken transfer; a second try tells the two apart.
  return !(error instanceof TspackError) || (error.code === "DIGEST_MISMATCH" && count === 1);
}

function asDownloadError(error: unknown, url: string): TspackError {
  if (error instanceof TspackError) return error;
  const shown = withoutCredentials(url);
  const remote = { status: undefined, method: "GET", url: shown, side: "source" } as const;
  const reason = error instanceof Error ? error.message || (errorCode(error) ?? error.name) : String(error);
  return new RemoteError("DOWNLOAD_FAILED", `${shown} cannot be fetched: ${reason}`, remote, {
    cause: error,
    hint: "check the network and the mirror's address; --mirror names another one",
  });
}

async function hasSize(path: string, size: number): Promise<boolean> {
  return stat(path).then(
    (found) => found.size === size,
    () => false,
  );
}
