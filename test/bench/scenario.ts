import type { Result } from "./compete.ts";

/** Where a scenario works. */
export interface Bench {
  /** The checkout, with `dist` built. */
  readonly root: string;
  /** A directory of its own, removed at the end. */
  readonly directory: string;
  readonly rounds: number;
  /** One more round, which counts requests, bytes and calls. */
  readonly counts?: boolean;
}

/** Something that is compared with peers. */
export interface Scenario {
  /** One word for the command line. */
  readonly name: string;
  /** What is done, for the table. */
  readonly title: string;
  /** It runs when it is named, and not among all: others say the same of more. */
  readonly onlyByName?: boolean;
  /** Why it cannot run here; undefined: it can. */
  readonly missing?: () => string | undefined;
  run(bench: Bench): Promise<readonly Result[]>;
}

/** A program of `dist`, started as its users start it; with TSPACK_BENCH_PROFILE it leaves a CPU profile there. */
export function ours({ root }: Bench, program: "tspack" | "lifecycle", ...args: readonly string[]): readonly string[] {
  const directory = process.env["TSPACK_BENCH_PROFILE"];
  const profile = directory === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", directory];
  return [process.execPath, ...profile, `${root}/dist/${program}.js`, ...args];
}
