import type { ErrorCode } from "../errors.ts";

/** Exit numbers of the Platform specification that do not belong to one error code. */
export const exitCodes = { failed: 1, usage: 2, invalidArguments: 3, canceled: 130 } as const;

/**
 * The exit number of each error code whatever the phase is; `phase` where the number is the
 * running phase's own. Platform specification, "Exit codes" of each phase.
 */
export const exitCodeTable: Readonly<Record<ErrorCode, number | "phase">> = {
  INVALID_ARGUMENTS: 3,
  INVALID_TOML: "phase",
  INVALID_JSON: "phase",
  INVALID_ENV: 3,
  INVALID_REFERENCE: 3,
  INVALID_DIGEST: "phase",
  INVALID_IMAGE: "phase",
  INVALID_TAR: "phase",
  INVALID_BUILDPACK: "phase",
  INVALID_ORDER: "phase",
  INVALID_GROUP: "phase",
  INVALID_PLAN: "phase",
  INVALID_LAYER: "phase",
  INVALID_BUILDER: 3,
  INVALID_STACK: 3,
  FILE_NOT_FOUND: "phase",
  BUILDER_NOT_FOUND: 3,
  PLATFORM_API_UNSUPPORTED: 11,
  BUILDPACK_API_UNSUPPORTED: 12,
  EXPERIMENTAL_DISABLED: 1,
  UNAUTHORIZED: "phase",
  FORBIDDEN: "phase",
  NOT_FOUND: "phase",
  REGISTRY_UNREACHABLE: "phase",
  REGISTRY_ERROR: "phase",
  DIGEST_MISMATCH: "phase",
  IMAGE_NOT_FOUND: "phase",
  CREDENTIAL_HELPER_FAILED: "phase",
  ROOT_REFUSED: 1,
  ANALYZE_FAILED: 32,
  DETECT_FAILED: 20,
  DETECT_ERROR: 21,
  RESTORE_FAILED: 42,
  BUILDPACK_FAILED: 51,
  BUILD_FAILED: 52,
  EXPORT_FAILED: 62,
  REBASE_FAILED: 72,
  NOT_REBASABLE: 72,
  EXTENSIONS_UNSUPPORTED: 22,
  CANCELED: exitCodes.canceled,
  DISK_FULL: "phase",
  RUNNER_UNAVAILABLE: 1,
  SANDBOX_FAILED: 1,
  MIRROR_UNKNOWN: 3,
  SIGNATURE_INVALID: 1,
  PACKAGE_NOT_FOUND: 3,
  DOWNLOAD_FAILED: 1,
  TOOL_MISSING: 1,
  LOCK_TIMEOUT: "phase",
};

/** The exit number for a code while a phase with its own number runs. */
export function exitCodeOf(code: ErrorCode, phaseCode: number): number {
  const number = exitCodeTable[code];
  return number === "phase" ? phaseCode : number;
}
