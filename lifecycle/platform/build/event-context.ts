import type { Context, Progress, ProgressStep } from "../../context.ts";
import type { Logger, LogLevel } from "../../logger.ts";
import type { BuildEventBody, BuildPhase, OnEvent } from "../events.ts";

/** A context whose log and progress become events of one build. */
export interface EventContext extends Context {
  emit(event: BuildEventBody): void;
  /** Reports a line that a phase's own process wrote. */
  output(line: string, stream: "stdout" | "stderr"): void;
  /** Names the phase that events belong to from here on; undefined between phases. */
  enter(phase: BuildPhase | undefined): void;
}

/** How an event context is made. */
export interface EventContextOptions {
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
  readonly clock: () => Date;
  /** Whether lines of level debug become events. */
  readonly verbose: boolean;
}

/** Milliseconds between two progress events of a step: more are of no use to anybody. */
const progressEveryMs = 100;

/** Makes the context of one build. */
export function eventContext({ onEvent, signal, clock, verbose }: EventContextOptions): EventContext {
  let phase: BuildPhase | undefined;
  const emit = (event: BuildEventBody): void => onEvent({ time: clock().toISOString(), ...event });
  const say = (stream: "stdout" | "stderr" | "log", level: LogLevel) => (text: string) => {
    if (level === "debug" && !verbose) return;
    // A text may have several lines; each becomes an event, so that prefixes stay right.
    for (const line of text.replace(/\n$/, "").split("\n")) emit({ type: "output", phase, stream, level, line });
  };
  const logger: Logger = {
    debug: say("log", "debug"),
    info: say("log", "info"),
    warn: (message) => emit({ type: "warning", phase, message }),
    error: say("log", "error"),
    say: say("log", "info"),
    phase: say("log", "info"),
  };
  return {
    logger,
    progress: eventProgress(emit, clock),
    clock,
    signal,
    emit,
    output: (line, stream) => emit({ type: "output", phase, stream, level: "info", line }),
    enter: (entered) => {
      phase = entered;
    },
  };
}

function eventProgress(emit: EventContext["emit"], clock: () => Date): Progress {
  let steps = 0;
  return {
    start: (label, { total, unit = "items" } = {}) => {
      steps += 1;
      return eventStep({ step: steps, label, unit }, total, emit, clock);
    },
  };
}

function eventStep(
  about: { readonly step: number; readonly label: string; readonly unit: "bytes" | "items" },
  known: number | undefined,
  emit: EventContext["emit"],
  clock: () => Date,
): ProgressStep {
  const began = clock().getTime();
  const state = { done: 0, total: known, told: 0 };
  const tell = (finished: boolean, summary?: string): void => {
    const now = clock().getTime();
    if (!finished && now - state.told < progressEveryMs) return;
    state.told = now;
    const { done, total } = state;
    emit({ type: "progress", ...about, done, total, seconds: (now - began) / 1000, finished, summary });
  };
  tell(false);
  return {
    advance: (amount) => {
      state.done += amount;
      tell(false);
    },
    total: (total) => {
      state.total = total;
      tell(false);
    },
    done: (summary) => tell(true, summary),
  };
}
