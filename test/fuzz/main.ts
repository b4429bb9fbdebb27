import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Finding, type FuzzTarget, inputOf, problemOf } from "./target.ts";
import { fuzzTargets } from "./targets.ts";

/** What a thread is told: which target, for how long and which cases. */
interface Job {
  readonly name: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** One case only. */
  readonly only: number | undefined;
  /** The case that is being read, which the main thread looks at: a parser that never ends cannot say so. */
  readonly current: Int32Array;
}

interface Result {
  readonly cases: number;
  readonly finding?: Omit<Finding, "input"> | undefined;
}

/** Milliseconds without progress after which a thread counts as stuck. */
const stuckAfter = 30_000;

/** Runs targets, two at a time, and prints what it found; returns the exit code. */
export async function fuzz(args: readonly string[], program: string): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      case: { type: "string" },
    },
  });
  const names = positionals.length === 0 ? Object.keys(fuzzTargets) : [...positionals];
  let failures = 0;
  const next = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const current = new Int32Array(new SharedArrayBuffer(4));
      const only = values.case === undefined ? undefined : Number(values.case);
      const job: Job = { name, seed: Number(values.seed), milliseconds: Number(values.seconds) * 1000, only, current };
      if (!(await report(job, program))) failures += 1;
    }
  };
  await Promise.all([next(), next()]);
  return failures === 0 ? 0 : 1;
}

async function report(job: Job, program: string): Promise<boolean> {
  const missing = fuzzTargets[job.name]?.().missing;
  if (missing !== undefined) {
    console.log(`${job.name}: skipped, ${missing}`);
    return process.env["CI"] === undefined;
  }
  const { cases, finding } = await runThread(job, program);
  if (finding === undefined) {
    console.log(`${job.name}: ${cases} cases, seed ${job.seed}`);
    return true;
  }
  const again = `npm run fuzz -- ${job.name} --seed ${job.seed} --case ${finding.index}`;
  const target = targetOf(job.name);
  const input = Buffer.from(inputOf(target, job.seed, finding.index))
    .toString("base64")
    .slice(0, 2000);
  console.log(`${job.name}: ${finding.problem.slice(0, 4000)}\nagain: ${again}\ninput: ${input}`);
  return false;
}

function runThread(job: Job, program: string): Promise<Result> {
  return new Promise((resolve) => {
    const worker = new Worker(program, { workerData: job });
    let last = -1;
    const watchdog = setInterval(() => {
      const index = Atomics.load(job.current, 0);
      if (index === last) finish({ cases: index, finding: { index, problem: `did not end in ${stuckAfter} ms` } });
      last = index;
    }, stuckAfter);
    const finish = (result: Result): void => {
      clearInterval(watchdog);
      void worker.terminate();
      resolve(result);
    };
    const crash = (reason: string): void => {
      const index = Atomics.load(job.current, 0);
      finish({ cases: index, finding: { index, problem: reason } });
    };
    worker.once("message", finish);
    worker.once("error", (error: Error) => crash(`the thread ended: ${error.stack ?? error.message}`));
    worker.once("exit", (code) => crash(`the thread ended with ${code}`));
  });
}

function targetOf(name: string): FuzzTarget {
  const make = fuzzTargets[name];
  if (make === undefined) throw new Error(`no target ${name}; there are ${Object.keys(fuzzTargets).join(", ")}`);
  return make();
}

async function runJob({ name, seed, milliseconds, only, current }: Job): Promise<Result> {
  const target = targetOf(name);
  const fuzzed = await target.open();
  const end = Date.now() + milliseconds;
  try {
    for (let index = only ?? 0; ; index += 1) {
      Atomics.store(current, 0, index);
      const problem = await problemOf(fuzzed, inputOf(target, seed, index));
      if (problem !== undefined) return { cases: index, finding: { index, problem } };
      if (only !== undefined || Date.now() >= end) return { cases: index + 1 };
    }
  } finally {
    await fuzzed.close?.();
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
if (!isMainThread && parentPort !== null) parentPort.postMessage(await runJob(workerData as Job));
