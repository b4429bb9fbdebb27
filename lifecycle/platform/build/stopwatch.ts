import type { BuildPhase } from "../events.ts";
import type { EventContext } from "./event-context.ts";

/** How long a phase took. */
export interface PhaseTime {
  readonly phase: BuildPhase;
  readonly seconds: number;
}

/** Announces phases and keeps their times for the summary. */
export class Stopwatch {
  private readonly ctx: EventContext;
  private readonly done: PhaseTime[] = [];

  constructor(ctx: EventContext) {
    this.ctx = ctx;
  }

  /** Runs a phase between its events; what is said meanwhile belongs to it. */
  async time<T>(phase: BuildPhase, work: () => Promise<T>): Promise<T> {
    const { ctx } = this;
    ctx.emit({ type: "phase-started", phase });
    ctx.enter(phase);
    const began = ctx.clock().getTime();
    try {
      const result = await work();
      const seconds = (ctx.clock().getTime() - began) / 1000;
      ctx.emit({ type: "phase-finished", phase, seconds });
      this.done.push({ phase, seconds });
      return result;
    } finally {
      ctx.enter(undefined);
    }
  }

  /** The phases that ended, in order. */
  get times(): readonly PhaseTime[] {
    return this.done;
  }
}
