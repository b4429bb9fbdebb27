import { setTimeout as sleep } from "node:timers/promises";
import { TspackError } from "../../errors.ts";
import type { HttpResponse, Interceptor } from "./http.ts";
import { discard } from "./http.ts";
import { connectionCode } from "./remote-error.ts";

/** How often and how patiently something is tried again. */
export interface RetryOptions {
  /** Tries in total. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled each time. */
  readonly delay: number;
  /** Milliseconds that no wait exceeds, whatever the registry asks for. */
  readonly longest: number;
}

/** Five tries within about eight seconds. */
export const defaultRetry: RetryOptions = { attempts: 5, delay: 500, longest: 60_000 };

const statuses: readonly number[] = [408, 429, 500, 502, 503, 504];
const passing: readonly string[] = [
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
];

const silent: readonly string[] = ["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT"];

/** True when the connection was lost in a way that may go better next time. A refused one is not. */
export function isPassing(error: unknown): boolean {
  return passing.includes(connectionCode(error) ?? "");
}

/** True for an answer that asks to come back later. */
export function isPassingStatus(status: number): boolean {
  return statuses.includes(status);
}

/** Sends again after 408, 429, 5xx and lost connections, once after none at all, with growing, jittered pauses that respect `Retry-After`. */
export function retrying(options: RetryOptions): Interceptor {
  return (next) => async (request) => {
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt >= options.attempts || request.repeatable === false;
      try {
        const response = await next(request);
        if (last || !isPassingStatus(response.status)) return response;
        await discard(response);
        await pause(attempt, options, request.signal, retryAfter(response));
      } catch (error) {
        // Who does not answer twice is silent, and each time takes as long as patience lasts.
        const isSilent = attempt > 1 && silent.includes(connectionCode(error) ?? "");
        if (last || isSilent || !isPassing(error)) throw error;
        await pause(attempt, options, request.signal);
      }
    }
  };
}

/** Waits before try `attempt + 1`. Throws `CANCELED` when aborted meanwhile. */
export async function pause(attempt: number, options: RetryOptions, signal: AbortSignal, atLeast = 0): Promise<void> {
  const growing = options.delay * 2 ** (attempt - 1);
  // Half of it at random, so that many clients do not come back at the same moment.
  const wait = Math.max(growing / 2 + (Math.random() * growing) / 2, atLeast);
  try {
    await sleep(Math.min(wait, options.longest), undefined, { signal });
  } catch (cause) {
    throw new TspackError("CANCELED", "stopped", { cause });
  }
}

/** Milliseconds that `Retry-After` asks for: seconds or a date; 0 without one. RFC 9110, 10.2.3. */
export function retryAfter(response: Pick<HttpResponse, "headers">, now = Date.now()): number {
  const value = response.headers["retry-after"]?.trim() ?? "";
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
