import { readFileSync, writeFileSync } from "node:fs";
import type { Result } from "./compete.ts";

/** How much more time of the processor our programs took than a peer on the same input, by name. */
export interface Ratios {
  /** The day of the run, as 2026-01-31. */
  readonly recorded: string;
  readonly machine: string;
  /** The peer that all are divided by. */
  readonly peer: string;
  readonly ratios: Readonly<Record<string, number>>;
}

/** Beyond this a ratio counts as a regression: less is the machine's noise. */
const tolerance = 0.15;

/**
 * The ratios of a scenario's results. Time of the processor and not of the clock: who else is on the machine
 * changes it less. Undefined where the peer did not run, or nothing measures that time.
 */
export function ratiosOf(results: readonly Result[], peer: string, machine: string, now: Date): Ratios | undefined {
  const base = results.find(({ name }) => name === peer)?.cpuSeconds;
  if (base === undefined || base === 0) return undefined;
  const ratios: Record<string, number> = {};
  for (const { name, cpuSeconds } of results) {
    if (name.startsWith("lifecycle ") && cpuSeconds !== undefined)
      ratios[name] = Math.round((cpuSeconds / base) * 1000) / 1000;
  }
  return { recorded: now.toISOString().slice(0, 10), machine, peer, ratios };
}

/** A line for each ratio that is more than 15 % above the recorded one (`slower: …`), and for what was not recorded. */
export function regressions(found: Ratios, recorded: Ratios): readonly string[] {
  return Object.entries(found.ratios).flatMap(([name, ratio]) => {
    const before = recorded.ratios[name];
    if (before === undefined) return [`${name}: nothing is recorded (npm run bench -- --record)`];
    if (ratio <= before * (1 + tolerance)) return [];
    const more = Math.round((ratio / before - 1) * 100);
    return [`slower: ${name}: ${ratio} × ${found.peer}, ${more} % more than the ${before} × of ${recorded.recorded}`];
  });
}

/** Reads what `writeRatios` wrote. */
export function readRatios(path: string): Ratios {
  return JSON.parse(readFileSync(path, "utf8")) as Ratios;
}

/** Records ratios for later runs. */
export function writeRatios(path: string, ratios: Ratios): void {
  writeFileSync(path, `${JSON.stringify(ratios, undefined, 2)}\n`);
}
