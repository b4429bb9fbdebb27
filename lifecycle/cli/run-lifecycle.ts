import { type LifecycleProcess, type LifecycleWork, runPhase } from "./run-phase.ts";
import { keepHeapSmall } from "./small-heap.ts";

export { keepHeapSmall };

const phases: Required<LifecycleWork["phases"]> = {
  detect: async () => (await import("./phases/detect.ts")).runDetect,
  analyze: async () => (await import("./phases/analyze.ts")).runAnalyze,
  restore: async () => (await import("./phases/restore.ts")).runRestore,
  build: async () => (await import("./phases/build.ts")).runBuild,
  export: async () => (await import("./phases/export.ts")).runExport,
  rebase: async () => (await import("./phases/rebase.ts")).runRebase,
  create: async () => (await import("./phases/create.ts")).runCreate,
  extend: async () => (await import("./phases/extend.ts")).runExtend,
};

const doctor: Required<LifecycleWork>["doctor"] = async () => (await import("./phases/doctor.ts")).doctor;

/** Runs the phase that the program's name or the first word says; returns the exit code. */
export function runLifecycle(host: LifecycleProcess): Promise<number> {
  return runPhase(host, { phases, doctor });
}
