import type { Context } from "../../context.ts";

/** How long a phase took. */
export interface PhaseTime {
  /** As the creator of the specification announces it: `DETECTING`. */
  readonly phase: string;
  readonly milliseconds: number;
}

/** Announces phases and keeps their times for the summary. */
export class Stopwatch {
  private readonly ctx: Context;
  private readonly done: PhaseTime[] = [];

  constructor(ctx: Context) {
    this.ctx = ctx;
  }

  /** Runs a phase under its announcement. */
  async time<T>(phase: string, work: () => Promise<T>): Promise<T> {
    this.ctx.logger.phase(phase);
    const began = this.ctx.clock().getTime();
    const result = await work();
    this.done.push({ phase, milliseconds: this.ctx.clock().getTime() - began });
    return result;
  }

  /** The phases that ended, in order. */
  get times(): readonly PhaseTime[] {
    return this.done;
  }
}
