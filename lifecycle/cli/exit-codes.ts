import { type ErrorCode, TspackError } from "../errors.ts";

/**
 * Exit numbers that do not belong to one error code: of the Platform specification, and 125 of `tspack run`
 * for what fails before the application was started, as engines have it.
 */
export const exitCodes = { failed: 1, usage: 2, invalidArguments: 3, notStarted: 125, canceled: 130 } as const;

/**
 * The exit number of each error code. Phases wrap what goes wrong in them in a code of their own
 * (`EXPORT_FAILED`); what comes through unwrapped is a general failure, 1, as in the reference.
 * Platform specification, "Exit codes" of each phase.
 */
export const exitCodeTable: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENTS: 3,
  INVALID_TOML: 1,
  INVALID_JSON: 1,
  INVALID_ENV: 3,
  INVALID_REFERENCE: 3,
  INVALID_DIGEST: 1,
  INVALID_IMAGE: 1,
  INVALID_TAR: 1,
  INVALID_BUILDPACK: 1,
  INVALID_ORDER: 1,
  INVALID_GROUP: 1,
  INVALID_PLAN: 1,
  INVALID_LAYER: 1,
  INVALID_DOCKERFILE: 1,
  INVALID_BUILDER: 3,
  INVALID_STACK: 3,
  INVALID_PROJECT: 1,
  INVALID_APPLICATION: 1,
  FILE_NOT_FOUND: 1,
  BUILDER_NOT_FOUND: 3,
  BUILDPACK_NOT_FOUND: 3,
  PLATFORM_API_UNSUPPORTED: 11,
  BUILDPACK_API_UNSUPPORTED: 12,
  EXPERIMENTAL_DISABLED: 1,
  INVALID_LOG_LEVEL: 1,
  UNAUTHORIZED: 1,
  FORBIDDEN: 1,
  NOT_FOUND: 1,
  REGISTRY_UNREACHABLE: 1,
  REGISTRY_ERROR: 1,
  DIGEST_MISMATCH: 1,
  IMAGE_NOT_FOUND: 1,
  ENGINE_UNREACHABLE: 1,
  ENGINE_ERROR: 1,
  CREDENTIAL_HELPER_FAILED: 1,
  ROOT_REFUSED: 1,
  ANALYZE_FAILED: 32,
  DETECT_FAILED: 20,
  DETECT_ERROR: 21,
  DETECT_NOT_POSSIBLE: 22,
  RESTORE_FAILED: 42,
  BUILDPACK_FAILED: 51,
  BUILD_FAILED: 52,
  EXPORT_FAILED: 62,
  REBASE_FAILED: 72,
  NOT_REBASABLE: 72,
  EXTENSIONS_UNSUPPORTED: 22,
  EXTENSION_FAILED: 91,
  GENERATE_FAILED: 92,
  EXTEND_FAILED: 102,
  CANCELED: exitCodes.canceled,
  DISK_FULL: 1,
  SYSTEM_REFUSED: 1,
  RUNNER_UNAVAILABLE: 1,
  SANDBOX_FAILED: 1,
  MIRROR_UNKNOWN: 3,
  SIGNATURE_INVALID: 1,
  PACKAGE_NOT_FOUND: 3,
  DOWNLOAD_FAILED: 1,
  TOOL_MISSING: 1,
  GIT_FAILED: 1,
  LOCK_TIMEOUT: 1,
};

/** The exit number for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  return error instanceof TspackError ? exitCodeTable[error.code] : exitCodes.failed;
}

/** The exit code as scripts for pack know it, when tspack was started by that name: one for all failures. */
export function packExitCode(code: number): number {
  return code === 0 || code === exitCodes.canceled ? code : exitCodes.failed;
}
