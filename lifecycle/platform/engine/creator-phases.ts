import type { EventContext } from "../build/event-context.ts";
import type { PhaseTime } from "../build/stopwatch.ts";
import type { BuildPhase } from "../events.ts";

/** Tells the phases of a creator apart by what it announces: all lifecycles do that in the same words. */
export interface CreatorPhases {
  /** Whether a line announces a phase; events of the phase before and of this one have been sent then. */
  readonly announces: (line: string) => boolean;
  /** Ends the last phase. */
  readonly end: () => void;
  readonly times: readonly PhaseTime[];
}

const announcements: Readonly<Record<string, BuildPhase>> = {
  ANALYZING: "analyze",
  DETECTING: "detect",
  RESTORING: "restore",
  BUILDING: "build",
  EXPORTING: "export",
};

/** Follows the output of one creator. */
export function creatorPhases(ctx: EventContext): CreatorPhases {
  const times: PhaseTime[] = [];
  let running: { readonly phase: BuildPhase; readonly began: number } | undefined;
  const end = (): void => {
    if (running === undefined) return;
    const { phase, began } = running;
    const seconds = (ctx.clock().getTime() - began) / 1000;
    ctx.emit({ type: "phase-finished", phase, seconds });
    times.push({ phase, seconds });
    running = undefined;
    ctx.enter(undefined);
  };
  return {
    announces: (line) => {
      const phase = announcements[/^(?:\u001b\[\d+m)*===> ([A-Z]+)/.exec(line)?.[1] ?? ""];
      if (phase === undefined) return false;
      end();
      running = { phase, began: ctx.clock().getTime() };
      ctx.emit({ type: "phase-started", phase });
      ctx.enter(phase);
      return true;
    },
    end,
    times,
  };
}
