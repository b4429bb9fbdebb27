import { parsePlatformApi, platformFeatures } from "../cnb/api/platform.ts";
import { silentProgress } from "../context.ts";
import { versionText } from "../distribution/version.ts";
import { TspackError } from "../errors.ts";
import type { LogLevel } from "../logger.ts";
import { lineLogger, type Write } from "./console.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { FlagError, goUsage } from "./go-flags.ts";
import type { PhaseCommand } from "./options.ts";
import { type Env, flagsOf, readPhaseArguments } from "./phase-options.ts";
import { phaseOfProgram } from "./parts/phase-part.ts";
import type { PhaseRun, Session } from "./phases/session.ts";
import { errorDetails, renderError } from "./render-error.ts";
import { explainSystemError } from "../platform/system-error.ts";

/** The process that the lifecycle runs in, as far as it may see it. */
export interface LifecycleProcess {
  readonly argv: readonly string[];
  /** How the program was called: the phase may be its name. */
  readonly program: string;
  readonly env: Env;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly stdout: Write;
  readonly stderr: Write;
  readonly signal: AbortSignal;
}

/** What does the work, each loaded when it is used. A part of the lifecycle has some of it. */
export interface LifecycleWork {
  readonly phases: Readonly<Partial<Record<PhaseCommand, () => Promise<PhaseRun>>>>;
  readonly doctor?: () => Promise<(env: Env, json: boolean, write: Write) => number>;
}

const phaseNames: readonly string[] = [
  "detect",
  "analyze",
  "restore",
  "build",
  "export",
  "rebase",
  "create",
  "extend",
] satisfies readonly PhaseCommand[];

const levels: readonly string[] = ["debug", "info", "warn", "error"] satisfies readonly LogLevel[];

/** Runs the phase that the program's name or the first word says; returns the exit code. */
export async function runPhase(host: LifecycleProcess, work: LifecycleWork): Promise<number> {
  // The reference knows neither the flag nor the variable before it has read the flags.
  let color = true;
  try {
    const call = readCall(host);
    if (call === "version") {
      host.stdout(`${versionText}\n`);
      return 0;
    }
    if (call === "doctor") {
      const doctor = await loaded(work.doctor)();
      return doctor(
        host.env,
        host.argv.some((word) => word === "-json" || word === "--json"),
        host.stdout,
      );
    }
    const features = platformFeatures(host.env["CNB_PLATFORM_API"] ?? "");
    const { options, args, given } = readPhaseArguments(
      call.phase,
      parsePlatformApi(features.api),
      call.argv,
      host.env,
    );
    if (options.version) {
      host.stdout(`${versionText}\n`);
      return 0;
    }
    color = !options.noColor;
    const logger = lineLogger(host.stdout, { level: logLevel(options.logLevel), color });
    for (const word of args.filter((arg) => arg.startsWith("-"))) {
      logger.warn(
        `unconsumed flag-like positional arg: \n\t${word}\n\tFlags have to stand before the first image; after it, this is taken for another one`,
      );
    }
    const ctx = { logger, progress: silentProgress, clock: () => new Date(), signal: host.signal };
    const session: Session = { phase: call.phase, features, options, given, args, env: host.env, user: host.user, ctx };
    const run = await loaded(work.phases[call.phase])();
    await run(session);
    return 0;
  } catch (error) {
    return report(error, host, color);
  }
}

/** The entry chooses a part that has what is asked for (`parts/phase-part.ts`). */
function loaded<T>(load: T | undefined): T {
  if (load === undefined) throw new TypeError("this part of the lifecycle does not have that");
  return load;
}

interface Call {
  readonly phase: PhaseCommand;
  readonly argv: readonly string[];
}

/**
 * The phase comes from the starter of the distribution as `@detector`, from a link's name, or
 * from the first word (`lifecycle detect`).
 */
function readCall({ argv, program, env }: LifecycleProcess): Call | "version" | "doctor" {
  const [first, ...rest] = argv;
  const named = phaseOfProgram(program, first);
  const own = first?.startsWith("@") === true ? rest : argv;
  if (named !== undefined)
    return own.some((word) => word === "-version" || word === "--version") ? "version" : { phase: named, argv: own };
  const [word, ...words] = own;
  if (word === undefined)
    throw new TspackError("INVALID_ARGUMENTS", "failed to parse arguments", {
      hint: "say which phase: lifecycle detect, analyze, restore, build, export, rebase, create or extend; or doctor, to learn what this container allows",
    });
  if (word === "-version" || word === "--version") return "version";
  if (word === "doctor") return "doctor";
  parsePlatformApi(env["CNB_PLATFORM_API"] ?? "");
  if (!phaseNames.includes(word)) {
    throw new TspackError(
      "INVALID_ARGUMENTS",
      `failed to recognize phase: ${word} \nValid phases: ${phaseNames.join(", ")}`,
    );
  }
  return { phase: word as PhaseCommand, argv: words };
}

function logLevel(text: string): LogLevel {
  if (levels.includes(text)) return text as LogLevel;
  throw new TspackError("INVALID_LOG_LEVEL", "failed to parse log level: invalid level", {
    hint: `-log-level is one of ${levels.join(", ")}, not ${JSON.stringify(text)}`,
  });
}

function report(thrown: unknown, host: LifecycleProcess, color: boolean): number {
  const error = explainSystemError(thrown);
  if (error instanceof FlagError) {
    const phase = readCall(host);
    const usage =
      phase === "version" || phase === "doctor"
        ? ""
        : goUsage("lifecycle", flagsOf(phase.phase, parsePlatformApi(host.env["CNB_PLATFORM_API"] ?? "")));
    host.stderr(`${error.message}\n${usage}`);
    return exitCodes.usage;
  }
  const logger = lineLogger(host.stdout, { level: "error", color });
  if (!(error instanceof TspackError)) {
    logger.error(renderError(error));
    return exitCodes.failed;
  }
  logger.error(error.message);
  for (const line of errorDetails(error)) host.stdout(`${line}\n`);
  return exitCodeOf(error);
}
