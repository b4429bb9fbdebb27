import { measure, type Program, type Run, type Transfers, transfersOf } from "./measure.ts";
import type { Traffic, TrafficCounter } from "./traffic-proxy.ts";

/** A program of the comparison: ours or a peer. */
export interface Contestant extends Program {
  /** Before each run, not measured. */
  readonly prepare?: () => void | Promise<void>;
  /** Said beside the result. Asked after the last run. */
  readonly remark?: () => string | Promise<string>;
  /** The contestants' results are divided by those of the one that has this set. */
  readonly yardstick?: boolean;
  /** A program of others: it may fail, which leaves it out, and no bar is about it. */
  readonly peer?: boolean;
  /** Why it cannot run here; it is left out by its name. */
  readonly missing?: string | undefined;
  /** At most so many rounds, for what is slow by far. */
  readonly rounds?: number;
  /** Not among the runs with counters. */
  readonly uncounted?: boolean;
}

/** What a contestant did, in medians. */
export interface Result {
  readonly name: string;
  /** Undefined when it was left out; the remark says why. */
  readonly seconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly peakKilobytes: number | undefined;
  readonly peer: boolean;
  /** Times the yardstick's wall time. */
  readonly ratio: number | undefined;
  readonly transfers: Transfers | undefined;
  readonly traffic: Traffic | undefined;
  readonly remark: string;
}

/** Counters, started after the last run with a clock. */
export type StartCounter = () => Promise<TrafficCounter>;

interface Standing {
  readonly runs: Run[];
  missing: string | undefined;
  transfers?: Transfers | undefined;
  traffic?: Traffic;
}

/** Somebody wants the bench to end; engines and registries are to be ended first. */
export class Interrupted extends Error {}

/**
 * Runs each contestant `rounds` times, one after the other in each round, so that a busy moment meets all of them.
 * With counters there is one more round, which takes no times. Throws `Interrupted` at the next chance after a signal;
 * the second signal ends the process.
 */
export async function compete(
  contestants: readonly Contestant[],
  rounds: number,
  startCounter?: StartCounter,
): Promise<readonly Result[]> {
  const records = new Map<Contestant, Standing>(contestants.map((each) => [each, { runs: [], missing: each.missing }]));
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Interrupted("interrupted"));
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.once(signal, onSignal);
  try {
    for (let round = 1; round <= rounds; round++) await runRound(records, round, rounds, stop.signal);
    if (startCounter !== undefined) await count(records, await startCounter(), stop.signal);
  } finally {
    for (const signal of signals) process.removeListener(signal, onSignal);
  }
  return resultsOf(records);
}

type Standings = ReadonlyMap<Contestant, Standing>;

async function runRound(records: Standings, round: number, rounds: number, signal: AbortSignal): Promise<void> {
  for (const [contestant, record] of records) {
    if (record.missing !== undefined || round > (contestant.rounds ?? rounds)) continue;
    await attempt(contestant, record, signal, async () => {
      await contestant.prepare?.();
      const run = await measure(contestant);
      record.runs.push(run);
      progress(`${round}/${contestant.rounds ?? rounds} ${contestant.name}: ${run.seconds.toFixed(2)} s`);
    });
  }
}

async function attempt(
  { name, peer }: Contestant,
  record: Standing,
  signal: AbortSignal,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    signal.throwIfAborted();
    if (peer !== true) throw error;
    record.missing = `does not work here: ${String(error).replaceAll(/\s+/g, " ").slice(0, 200)}`;
    progress(`${name} is left out: ${record.missing}`);
  }
  signal.throwIfAborted();
}

async function count(records: Standings, counter: TrafficCounter, signal: AbortSignal): Promise<void> {
  for (const [contestant, record] of records) {
    if (record.missing !== undefined || contestant.uncounted === true) continue;
    await attempt(contestant, record, signal, async () => {
      await contestant.prepare?.();
      counter.reset();
      record.transfers = await transfersOf(contestant);
      record.traffic = counter.read();
      progress(`counted ${contestant.name}: ${record.traffic.requests} requests`);
    });
  }
}

async function resultsOf(records: Standings): Promise<readonly Result[]> {
  const secondsOf = ({ runs }: Standing): number | undefined => median(runs.map(({ seconds }) => seconds));
  const [, yardstick] = [...records].find(([contestant]) => contestant.yardstick === true) ?? [];
  const base = yardstick === undefined ? undefined : secondsOf(yardstick);
  const results: Result[] = [];
  for (const [{ name, peer = false, remark }, record] of records) {
    const seconds = record.missing === undefined ? secondsOf(record) : undefined;
    results.push({
      name,
      seconds,
      cpuSeconds: median(record.runs.map((run) => run.cpuSeconds)),
      peakKilobytes: median(record.runs.map((run) => run.peakKilobytes)),
      peer,
      ratio: base === undefined || seconds === undefined ? undefined : seconds / base,
      transfers: record.transfers,
      traffic: record.traffic,
      remark: record.missing === undefined ? ((await remark?.()) ?? "") : `left out: ${record.missing}`,
    });
  }
  return results;
}

/** The one in the middle; undefined when there is none. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value): value is number => value !== undefined).sort((a, b) => a - b);
  return known[Math.floor((known.length - 1) / 2)];
}

/** A line that shows that the bench lives; not part of its result. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
