import { buildProgram } from "../program.ts";
import { runProgram } from "../run-program.ts";
import type { TspackHost } from "../toolbox.ts";

/** The tree of commands without their work, which the bundle leaves out: for arguments that only ask for help. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, buildProgram);
}
