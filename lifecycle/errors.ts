/**
 * What went wrong, as a word that tests and the exit-code table match on. The text of a
 * message may change; a code does not.
 */
export type ErrorCode =
  // input that a person or a file gave
  | "INVALID_ARGUMENTS"
  | "INVALID_TOML"
  | "INVALID_JSON"
  | "INVALID_ENV"
  | "INVALID_REFERENCE"
  | "INVALID_DIGEST"
  | "INVALID_IMAGE"
  | "INVALID_TAR"
  | "INVALID_BUILDPACK"
  | "INVALID_ORDER"
  | "INVALID_GROUP"
  | "INVALID_PLAN"
  | "INVALID_LAYER"
  | "INVALID_DOCKERFILE"
  | "INVALID_BUILDER"
  | "INVALID_STACK"
  | "INVALID_PROJECT"
  | "INVALID_APPLICATION"
  | "FILE_NOT_FOUND"
  | "BUILDER_NOT_FOUND"
  | "BUILDPACK_NOT_FOUND"
  // APIs (exit 11 and 12)
  | "PLATFORM_API_UNSUPPORTED"
  | "BUILDPACK_API_UNSUPPORTED"
  | "EXPERIMENTAL_DISABLED"
  | "INVALID_LOG_LEVEL"
  // stores and registries
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "REGISTRY_UNREACHABLE"
  | "REGISTRY_ERROR"
  | "DIGEST_MISMATCH"
  | "IMAGE_NOT_FOUND"
  | "ENGINE_UNREACHABLE"
  | "ENGINE_ERROR"
  | "CREDENTIAL_HELPER_FAILED"
  // phases
  | "ROOT_REFUSED"
  | "ANALYZE_FAILED"
  | "DETECT_FAILED"
  | "DETECT_ERROR"
  | "DETECT_NOT_POSSIBLE"
  | "RESTORE_FAILED"
  | "BUILDPACK_FAILED"
  | "BUILD_FAILED"
  | "EXPORT_FAILED"
  | "REBASE_FAILED"
  | "NOT_REBASABLE"
  | "EXTENSIONS_UNSUPPORTED"
  | "EXTENSION_FAILED"
  | "GENERATE_FAILED"
  | "EXTEND_FAILED"
  // the machine
  | "CANCELED"
  | "DISK_FULL"
  | "SYSTEM_REFUSED"
  | "RUNNER_UNAVAILABLE"
  | "SANDBOX_FAILED"
  | "MIRROR_UNKNOWN"
  | "SIGNATURE_INVALID"
  | "PACKAGE_NOT_FOUND"
  | "DOWNLOAD_FAILED"
  | "TOOL_MISSING"
  | "GIT_FAILED"
  | "LOCK_TIMEOUT";

/** What every expected failure is. A bug is a plain `Error` and keeps its stack. */
export class TspackError extends Error {
  override readonly name: string = "TspackError";
  /** The contract: what tests assert and what the exit code is looked up by. */
  readonly code: ErrorCode;
  /** What the reader can do, one sentence without a final full stop. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string | undefined } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** One thing that is wrong with an input. */
export interface InputIssue {
  /** `buildpack.toml:12:3`, `env CNB_USER_ID`, `--uid`. */
  readonly source: string;
  /** The field, as the specification spells it: `targets[1].os`; empty for the whole. */
  readonly path: string;
  readonly expected: string;
  /** What was found, quoted when it is text. */
  readonly got: string;
}

/** An input with everything that is wrong with it, not only the first thing. */
export class InputError extends TspackError {
  override readonly name = "InputError";
  readonly issues: readonly InputIssue[];

  constructor(
    code: ErrorCode,
    message: string,
    issues: readonly InputIssue[],
    options: { cause?: unknown; hint?: string | undefined } = {},
  ) {
    super(code, message, options);
    this.issues = issues;
  }
}

/** The answer of the other side of a connection. The URL has no credential and no query. */
export interface RemoteDetails {
  readonly status: number | undefined;
  readonly method: string;
  readonly url: string;
  /** The registry's own code, `MANIFEST_UNKNOWN` and the like. */
  readonly remoteCode?: string | undefined;
  readonly side: "source" | "destination";
}

/** A failure that another machine reported, or that lay on the way to it. */
export class RemoteError extends TspackError {
  override readonly name = "RemoteError";
  readonly remote: RemoteDetails;

  constructor(
    code: ErrorCode,
    message: string,
    remote: RemoteDetails,
    options: { cause?: unknown; hint?: string | undefined } = {},
  ) {
    super(code, message, options);
    this.remote = remote;
  }
}

/** The code of an expected failure, of an operating system error (`ENOENT`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
