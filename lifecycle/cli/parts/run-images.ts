import { addImages } from "../program/images.ts";
import { rootProgram } from "../program/root.ts";
import { runProgram } from "../run-program.ts";
import { keepHeapSmall } from "../small-heap.ts";
import type { TspackHost } from "../toolbox.ts";

export { keepHeapSmall };

/** `tspack images` alone. */
export function runTspack(host: TspackHost): Promise<number> {
  return runProgram(host, () => rootProgram(host, [addImages]));
}
