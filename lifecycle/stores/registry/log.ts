import type { Logger } from "../../logger.ts";
import type { Interceptor } from "./http.ts";
import { redactUrl } from "./remote-error.ts";

/** Writes one debug line per request: never a header, never a query. */
export function logging(logger: Logger, now: () => number = () => performance.now()): Interceptor {
  return (next) => async (request) => {
    const start = now();
    const line = (result: string): void =>
      logger.debug(`${request.method} ${redactUrl(request.url)} ${result} (${Math.round(now() - start)} ms)`);
    try {
      const response = await next(request);
      line(String(response.status));
      return response;
    } catch (error) {
      line(error instanceof Error ? error.message : "failed");
      throw error;
    }
  };
}
