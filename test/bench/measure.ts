import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program of the comparison: ours or a peer. */
export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Before each run, not measured. */
  readonly prepare?: () => void | Promise<void>;
  /** Said beside the result: bytes, requests. Asked after the last run. */
  readonly remark?: () => string | Promise<string>;
  /** The contestants' results are divided by those of the one that has this set. */
  readonly yardstick?: boolean;
}

/** One run of a program. */
export interface Run {
  readonly seconds: number;
  /** User and system time of the program and its children; undefined without /usr/bin/time. */
  readonly cpuSeconds: number | undefined;
  readonly peakKilobytes: number | undefined;
}

/** What a contestant did, in medians. */
export interface Result extends Run {
  readonly name: string;
  /** Times the yardstick's wall time. */
  readonly ratio: number | undefined;
  readonly remark: string;
}

const time = "/usr/bin/time";

/** Runs each contestant `rounds` times, one after the other in each round, so that a busy moment meets all of them. */
export async function compete(contestants: readonly Contestant[], rounds: number): Promise<readonly Result[]> {
  const runs = new Map<string, Run[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      await contestant.prepare?.();
      runs.get(contestant.name)?.push(await measure(contestant));
    }
  }
  const results: Result[] = [];
  const yardstick = contestants.find((each) => each.yardstick === true);
  const base = yardstick === undefined ? undefined : median(secondsOf(runs.get(yardstick.name)));
  for (const { name, remark } of contestants) {
    const own = runs.get(name) ?? [];
    const seconds = median(secondsOf(own)) ?? 0;
    results.push({
      name,
      seconds,
      cpuSeconds: median(own.map((run) => run.cpuSeconds)),
      peakKilobytes: median(own.map((run) => run.peakKilobytes)),
      ratio: base === undefined ? undefined : seconds / base,
      remark: (await remark?.()) ?? "",
    });
  }
  return results;
}

function secondsOf(runs: readonly Run[] = []): readonly number[] {
  return runs.map(({ seconds }) => seconds);
}

/** The one in the middle; undefined when there is none. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value): value is number => value !== undefined).sort((a, b) => a - b);
  return known[Math.floor((known.length - 1) / 2)];
}

/** Runs a program once. Throws with its last lines when it fails. */
export async function measure({ name, command, env, cwd }: Omit<Contestant, "prepare" | "remark">): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-time-"));
  try {
    const report = join(directory, "time");
    const timed = existsSync(time) ? [time, "-o", report, "-f", "%U %S %M", "--", ...command] : [...command];
    const began = performance.now();
    await runToEnd(name, timed, { ...environment(), ...env }, cwd);
    const seconds = (performance.now() - began) / 1000;
    if (!existsSync(report)) return { seconds, cpuSeconds: undefined, peakKilobytes: undefined };
    const [user = 0, system = 0, peakKilobytes] = readFileSync(report, "utf8").trim().split(" ").map(Number);
    return { seconds, cpuSeconds: user + system, peakKilobytes };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Reading more certificates takes Node longer than starting, and is no part of anything that is measured. */
function environment(): Readonly<Record<string, string | undefined>> {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...rest } = process.env;
  return rest;
}

function runToEnd(
  name: string,
  [file = "", ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const keep = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-4000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${name} ended with ${code}:\n${said}`));
    });
  });
}
