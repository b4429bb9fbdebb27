import { type ErrorCode, errorCode, TspackError } from "../errors.ts";
import { systemMessage } from "./system-message.ts";

/** How failures of a phase are told. */
export interface PhaseFailure {
  /** Codes that keep their own meaning, `NOT_REBASABLE`; `CANCELED` and `DISK_FULL` always do. */
  readonly keep?: readonly ErrorCode[];
  /** What all others become. */
  readonly code: ErrorCode;
  /** What platforms read before the reason: `failed to export`. */
  readonly prefix: string;
  readonly signal: AbortSignal;
}

const ownWords: readonly ErrorCode[] = ["CANCELED", "DISK_FULL"];

/**
 * Does the work of a phase; what fails is told with the phase's words and code. Failures of the
 * operating system are expected, everything else that is no `TspackError` is a bug and passes.
 */
export async function inPhase<T>(failure: PhaseFailure, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const expected = expectedFailure(cause, failure.signal);
    if (expected === undefined) throw cause;
    if (ownWords.includes(expected.code)) throw expected;
    const { keep = [], code, prefix } = failure;
    const message = `${prefix}: ${expected.message}`;
    throw new TspackError(keep.includes(expected.code) ? expected.code : code, message, { cause, hint: expected.hint });
  }
}

function expectedFailure(cause: unknown, signal: AbortSignal): TspackError | undefined {
  if (cause instanceof TspackError) return cause;
  if (signal.aborted) return new TspackError("CANCELED", "canceled", { cause });
  const system = systemFailure(cause);
  if (system === undefined) return undefined;
  const isFull = ["ENOSPC", "EDQUOT"].includes(errorCode(cause) ?? "");
  if (!isFull) return new TspackError("EXPORT_FAILED", system, { cause });
  return new TspackError("DISK_FULL", system, { cause, hint: "free some space, or give another directory" });
}

/** `open /x: permission denied`; undefined for what the operating system did not say. */
function systemFailure(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("syscall" in cause) || typeof cause.syscall !== "string") return undefined;
  const path = "path" in cause && typeof cause.path === "string" ? ` ${cause.path}` : "";
  return `${cause.syscall}${path}: ${systemMessage(cause)}`;
}
