import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { verdicts } from "./bars.ts";
import { check } from "./check.ts";
import { Interrupted, progress } from "./compete.ts";
import { knownBars } from "./known-bars.ts";
import { scale } from "./scale.ts";
import { buildScenario } from "./scenarios/build.ts";
import { builderScenario } from "./scenarios/builder.ts";
import { detectScenario } from "./scenarios/detect.ts";
import { engineScenario } from "./scenarios/engine.ts";
import { exportScenario } from "./scenarios/export.ts";
import { largeScenario } from "./scenarios/large.ts";
import { peersScenario } from "./scenarios/peers.ts";
import { rebaseScenario, rebasesScenario } from "./scenarios/rebase.ts";
import { slowScenario } from "./scenarios/slow.ts";
import { stackScenario } from "./scenarios/stack.ts";
import { startScenario } from "./scenarios/start.ts";
import { workloadScenarios } from "./scenarios/workloads.ts";
import type { Scenario } from "./scenario.ts";
import { machine, table } from "./table.ts";

const scenarios: readonly Scenario[] = [
  startScenario,
  detectScenario,
  exportScenario,
  ...workloadScenarios,
  largeScenario,
  peersScenario,
  engineScenario,
  rebaseScenario,
  rebasesScenario,
  slowScenario,
  buildScenario,
  builderScenario,
  stackScenario,
];

/**
 * Runs the scenarios that are named, or all, and prints a table for each; `--check` and `--record` are for ratios.
 * Throws at the end when some did not work.
 */
export async function bench(args: readonly string[], root: string): Promise<void> {
  const [mode] = args;
  if (args.length === 1 && (mode === "--check" || mode === "--record")) return check(mode, root);
  const unknown = args.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(", ")}; there are ${scenarios.map(({ name }) => name).join(", ")}`);
  if (!existsSync(join(root, "dist/tspack.js"))) throw new Error("dist is missing: npm run build");
  const wanted = scenarios.filter(({ name, onlyByName }) =>
    args.length === 0 ? onlyByName !== true : args.includes(name),
  );
  const size = scale() === 1 ? "" : `; workloads in ${scale()} of their size`;
  const load = (loadavg()[0] ?? 0).toFixed(1);
  say(`${machine()}${size}; load ${load} before the run. Medians of interleaved runs.\n`);
  const failed: string[] = [];
  for (const scenario of wanted) if (!(await runOne(scenario, root))) failed.push(scenario.name);
  if (failed.length > 0) throw new Error(`did not work: ${failed.join(", ")}`);
}

/** Whether it worked, or was left out: one that did not costs none of the others. Throws `Interrupted`. */
async function runOne(scenario: Scenario, root: string): Promise<boolean> {
  say(`### ${scenario.name}: ${scenario.title}\n`);
  const missing = scenario.missing?.();
  if (missing !== undefined) {
    if (process.env["CI"] !== undefined) throw new Error(`CI needs ${missing}`);
    say(`left out: ${missing}\n`);
    return true;
  }
  const began = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-"));
  try {
    progress(`${scenario.name}: ${scenario.title}`);
    const rounds = Number(process.env["TSPACK_BENCH_ROUNDS"] ?? 5);
    const counts = process.env["TSPACK_BENCH_COUNTS"] !== "0";
    const results = await scenario.run({ root, directory, rounds, counts });
    say(`${table(results, verdicts(results, knownBars[scenario.name] ?? {}, scale() === 1))}\n`);
    return true;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    say(`did not work: ${String(error)}\n`);
    return false;
  } finally {
    await rm(directory, { recursive: true, force: true });
    progress(`${scenario.name} took ${Math.round((performance.now() - began) / 1000)} s`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
