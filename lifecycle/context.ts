import type { Logger } from "./logger.ts";

/** What everything that works is handed, so that no module reads a global. */
export interface Context {
  readonly logger: Logger;
  readonly progress: Progress;
  /** The time for logs and locks; never for what goes into an image. */
  readonly clock: () => Date;
  /** Aborted on Ctrl-C; whoever works checks it between two pieces of work. */
  readonly signal: AbortSignal;
}

/** Shows how far a long step is: a bar on a terminal, a plain line otherwise. */
export interface Progress {
  /** Starts a step. `total` is in `unit`s; undefined when it is not known yet. */
  start(
    label: string,
    options?: { readonly total?: number | undefined; readonly unit?: "bytes" | "items" },
  ): ProgressStep;
}

/** One running step of a `Progress`. */
export interface ProgressStep {
  /** Adds to what is done. */
  advance(amount: number): void;
  /** Sets the total once it is known. */
  total(total: number): void;
  /** Ends the step; `summary` is what the plain line says. */
  done(summary?: string): void;
}

/** A progress that shows nothing: for tests, for `--quiet`, and for use as a library. */
export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, total: () => {}, done: () => {} }),
};
