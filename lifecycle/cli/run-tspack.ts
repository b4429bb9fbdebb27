import { buildProgram } from "./program.ts";
import { runProgram } from "./run-program.ts";
import { keepHeapSmall } from "./small-heap.ts";
import type { TspackHost } from "./toolbox.ts";

/** Runs `tspack` with its arguments; returns the exit code. Results go to stdout, all else to stderr. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, buildProgram);
}

export { keepHeapSmall };
