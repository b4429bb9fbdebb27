import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the golden data lies; undefined when this machine has none, which CI does not accept. */
export const goldenRoot = findGolden();

function findGolden(): string | undefined {
  const path = process.env["TSPACK_GOLDEN"] ?? fileURLToPath(new URL("../../../shared/golden", import.meta.url));
  if (existsSync(path)) return path;
  if (process.env["CI"] !== undefined) throw new Error(`no golden data at ${path}: set TSPACK_GOLDEN`);
  return undefined;
}
