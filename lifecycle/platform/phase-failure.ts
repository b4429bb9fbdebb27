import { type ErrorCode, TspackError } from "../errors.ts";

/** What exit codes mean, whatever the phase runs in. Platform specification, "Exit codes" of the phases. */
const known: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  11: ["PLATFORM_API_UNSUPPORTED", "the lifecycle does not speak the Platform API that its builder promises"],
  12: ["BUILDPACK_API_UNSUPPORTED", "a buildpack needs an API that the builder's lifecycle does not speak"],
  20: ["DETECT_FAILED", "no group of buildpacks wants this application"],
  21: ["DETECT_ERROR", "a buildpack failed while it looked at the application"],
  51: ["BUILDPACK_FAILED", "a buildpack failed"],
  91: ["EXTENSION_FAILED", "an image extension failed"],
  92: ["GENERATE_FAILED", "what an image extension generated can not be used"],
};

const hints: Readonly<Partial<Record<ErrorCode, string>>> = {
  DETECT_FAILED: "the lines above say why each buildpack declined; check --path, or choose another --builder",
  BUILDPACK_FAILED: "the output of the buildpack is above",
};

/** What is said of an exit code that has no meaning of its own. */
export interface OtherFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** The error that the exit code of a phase stands for. */
export function phaseFailure(status: number, other: OtherFailure): TspackError {
  const [code, message] = known[status] ?? [other.code, other.message];
  const hint = known[status] === undefined ? other.hint : hints[code];
  return new TspackError(code, `${message} (exit code ${status})`, {
    hint: hint ?? "the lines above say what happened",
  });
}
