import { type LifecycleProcess, runPhase } from "../run-phase.ts";
import { keepHeapSmall } from "../small-heap.ts";

export { keepHeapSmall };

/** The phases that run buildpacks and know no registry: detect and build. */
export function runLifecycle(host: LifecycleProcess): Promise<number> {
  return runPhase(host, {
    phases: {
      detect: async () => (await import("../phases/detect.ts")).runDetect,
      build: async () => (await import("../phases/build.ts")).runBuild,
    },
  });
}
