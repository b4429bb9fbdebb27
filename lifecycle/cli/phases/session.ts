import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { PhaseCommand, PhaseOptions } from "../options.ts";
import type { Env } from "../phase-options.ts";

/** One run of a phase from the command line: what was asked, and what it works with. */
export interface Session {
  readonly phase: PhaseCommand;
  readonly features: PlatformFeatures;
  readonly options: PhaseOptions;
  /** The flags that were given, as opposed to variables and defaults. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly env: Env;
  /** Ids of this process. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly ctx: Context;
}

/** What a phase's command does with a session. Throws what `exitCodeOf` knows. */
export type PhaseRun = (session: Session) => Promise<void>;

/** An error of the arguments, exit 3. */
export function invalidArguments(reason: string, hint?: string): TspackError {
  return new TspackError("INVALID_ARGUMENTS", `failed to ${reason}`, { hint });
}

/** Refuses arguments where a phase takes none; the reference spells it differently in each phase. */
export function refuseArguments({ args }: Session, word: "arguments" | "Args"): void {
  if (args.length > 0)
    throw invalidArguments(`parse arguments: received unexpected ${word}`, `remove ${args.join(" ")}`);
}

/** Buildpacks must not run as root unless that was asked for. Throws `ROOT_REFUSED`. */
export function refuseRoot({ user, options, ctx }: Session, action: "detect" | "build"): void {
  if (user.uid !== 0) return;
  if (options.allowRoot) return ctx.logger.warn("Buildpacks run as root (-allow-root)");
  throw new TspackError("ROOT_REFUSED", `failed to ${action}: refusing to run as root`, {
    hint: "start the container as the builder's user (CNB_USER_ID)",
  });
}

/** The variables that have a value, as phases take them. */
export function definedEnv(env: Env): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Lets an experimental feature through when the platform allows it. Throws `EXPERIMENTAL_DISABLED`. */
export function guardExperimental({ env, ctx }: Session, feature: string): void {
  const mode = env["CNB_EXPERIMENTAL_MODE"] ?? "";
  const said = `Platform requested experimental feature '${feature}'`;
  // The specification calls it silent, the reference quiet.
  if (mode === "quiet" || mode === "silent") return;
  if (mode !== "" && mode !== "error") return ctx.logger.warn(said);
  ctx.logger.error(said);
  throw new TspackError("EXPERIMENTAL_DISABLED", "experimental features are disabled by CNB_EXPERIMENTAL_MODE=error", {
    hint: "set CNB_EXPERIMENTAL_MODE=warn",
  });
}
