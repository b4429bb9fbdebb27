import { type LifecycleProcess, runPhase } from "../run-phase.ts";
import { keepHeapSmall } from "../small-heap.ts";

export { keepHeapSmall };

/** The phase restore alone. */
export function runLifecycle(host: LifecycleProcess): Promise<number> {
  return runPhase(host, { phases: { restore: async () => (await import("../phases/restore.ts")).runRestore } });
}
