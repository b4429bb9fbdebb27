import { TspackError } from "../../errors.ts";
import type { RemoteDetails } from "../../errors.ts";
import type { ByteStream } from "../../oci/layer.ts";

/** The methods of the distribution specification. */
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A body that can be sent again: bytes, or a stream that `open` starts anew. `size`: undefined when nobody knows it yet. */
export type HttpBody = Uint8Array | { readonly size: number | undefined; open(): ByteStream };

/** One request, with what the interceptors need to know about it. */
export interface HttpRequest {
  readonly method: Method;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody | undefined;
  /** For errors: are we reading or writing there? */
  readonly side: RemoteDetails["side"];
  readonly signal: AbortSignal;
  /** Whose credential is used; anonymous when absent. */
  readonly registry?: string | undefined;
  /** What a token has to allow: `repository:NAME:pull,push`. */
  readonly scopes?: readonly string[] | undefined;
  /** The host, with port, whose certificate need not be known, as the person said of this repository. */
  readonly insecure?: string | undefined;
  /** Milliseconds until the answer has to begin; that of the connection when absent. */
  readonly patience?: number | undefined;
  /** False for what may not simply be sent again. */
  readonly repeatable?: boolean | undefined;
}

/** An answer. Its body must be read to the end or dropped with `discard`. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ByteStream;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

/** Sends one request. Throws a `RemoteError` or `CANCELED` when there is no answer. */
export type Dispatch = (request: HttpRequest) => Promise<HttpResponse>;

/** Wraps a dispatch: may change the request, send it again, or look at the answer. */
export type Interceptor = (next: Dispatch) => Dispatch;

/** Puts interceptors around a dispatch; the first named is the outermost. */
export function compose(interceptors: readonly Interceptor[], wire: Dispatch): Dispatch {
  return interceptors.reduceRight((next, interceptor) => interceptor(next), wire);
}

/** Reads a body that has to fit into `limit` bytes; undefined when it does not. */
export async function readBody(response: HttpResponse, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Drops a body, so that its connection is free again. */
export async function discard(response: HttpResponse): Promise<void> {
  try {
    await readBody(response, 64 * 1024);
  } catch {
    // The answer is known already: how its body ends does not matter.
  }
}

/**
 * Waits for work that others wait for as well: one that gives up throws `CANCELED` and leaves
 * the work to the others.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new TspackError("CANCELED", "stopped", { cause: signal.reason }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const listening = (): void => signal.removeEventListener("abort", stop);
    void work.then(resolve, reject).finally(listening);
  });
}
