import { addInspect } from "../program/inspect.ts";
import { rootProgram } from "../program/root.ts";
import { runProgram } from "../run-program.ts";
import type { TspackHost } from "../toolbox.ts";

/** `tspack inspect` alone. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, () => rootProgram(host, [addInspect]));
}
