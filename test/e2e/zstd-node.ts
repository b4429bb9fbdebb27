import { execFileSync } from "node:child_process";

/** A Node that has zstd, or why there is none; `note` goes into the test's name. */
export interface ZstdNode {
  readonly program: string;
  readonly skip: boolean;
  readonly note: string;
}

/** Whether the Node that runs the tests has zstd itself. */
export const hasZstd = canZstd(process.execPath);

/**
 * The Node of these tests where it has zstd, else the one that `TSPACK_NEWEST_NODE` names, as `.ci/run` does. Throws
 * where `CI` is set and there is none, and where that variable names one that cannot be used.
 */
export function zstdNode(): ZstdNode {
  if (hasZstd) return { program: process.execPath, skip: false, note: "" };
  const named = process.env["TSPACK_NEWEST_NODE"];
  if (named !== undefined) {
    if (!canZstd(named)) throw new Error(`TSPACK_NEWEST_NODE: ${named} is no Node 22.15 or newer`);
    return { program: named, skip: false, note: "" };
  }
  if (process.env["CI"] !== undefined) throw new Error("CI needs TSPACK_NEWEST_NODE, the path of Node 22.15 or newer");
  const note = ` (skipped: Node ${process.versions.node} has no zstd, and TSPACK_NEWEST_NODE names no other)`;
  return { program: "", skip: true, note };
}

function canZstd(node: string): boolean {
  try {
    const script = "process.stdout.write(String('zstdCompress' in require('node:zlib')))";
    return execFileSync(node, ["-e", script], { encoding: "utf8", stdio: "pipe" }) === "true";
  } catch {
    return false;
  }
}
