import { addConfig } from "../program/config.ts";
import { rootProgram } from "../program/root.ts";
import { runProgram } from "../run-program.ts";
import type { TspackHost } from "../toolbox.ts";

/** `tspack config` alone. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, () => rootProgram(host, [addConfig]));
}
