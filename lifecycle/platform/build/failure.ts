import { InputError, RemoteError, TspackError } from "../../errors.ts";
import type { BuildEventBody } from "../events.ts";
import { explainSystemError } from "../system-error.ts";

/**
 * What is thrown to whoever asked for a build: an abort is `CANCELED`, whatever it interrupted,
 * and what the operating system refused has a code and a hint.
 */
export function explainFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted && !(error instanceof TspackError)) {
    return new TspackError("CANCELED", "canceled", { cause: error });
  }
  return explainSystemError(error);
}

/** The last event of a build that failed. */
export function failedEvent(error: unknown): BuildEventBody {
  if (!(error instanceof TspackError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { type: "failed", code: "INTERNAL", message, issues: [], causes: [] };
  }
  const { code, message } = error;
  const chain = causesOf(error);
  const hint = [error, ...chain].flatMap((each) => (each instanceof TspackError ? (each.hint ?? []) : []))[0];
  return {
    type: "failed",
    code,
    message,
    issues: [error, ...chain].flatMap((each) => (each instanceof InputError ? each.issues : [])),
    causes: chain.map((each) => (each instanceof RemoteError ? `${each.message} (${each.remote.url})` : each.message)),
    hint,
  };
}

function causesOf(error: Error): readonly Error[] {
  const chain: Error[] = [];
  for (let cause = error.cause; cause instanceof Error && chain.length < 10; cause = cause.cause) chain.push(cause);
  return chain;
}
