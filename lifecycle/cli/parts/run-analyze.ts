import { type LifecycleProcess, runPhase } from "../run-phase.ts";
import { keepHeapSmall } from "../small-heap.ts";

export { keepHeapSmall };

/** The phase analyze alone. */
export function runLifecycle(host: LifecycleProcess): Promise<number> {
  return runPhase(host, { phases: { analyze: async () => (await import("../phases/analyze.ts")).runAnalyze } });
}
