import { addRebase } from "../program/rebase.ts";
import { rootProgram } from "../program/root.ts";
import { runProgram } from "../run-program.ts";
import { keepHeapSmall } from "../small-heap.ts";
import type { TspackHost } from "../toolbox.ts";

export { keepHeapSmall };

/** `tspack rebase` alone. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, () => rootProgram(host, [addRebase]));
}
