import { type LifecycleProcess, runPhase } from "../run-phase.ts";
import { keepHeapSmall } from "../small-heap.ts";

export { keepHeapSmall };

/** The phase export alone. */
export function runLifecycle(host: LifecycleProcess): Promise<number> {
  return runPhase(host, { phases: { export: async () => (await import("../phases/export.ts")).runExport } });
}
