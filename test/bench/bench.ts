import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.ts";
import { buildScenario } from "./scenarios/build.ts";
import { builderScenario } from "./scenarios/builder.ts";
import { exportScenario } from "./scenarios/export.ts";
import { rebaseScenario } from "./scenarios/rebase.ts";
import { stackScenario } from "./scenarios/stack.ts";
import { startScenario } from "./scenarios/start.ts";
import { workloadScenarios } from "./scenarios/workloads.ts";
import type { Scenario } from "./scenario.ts";
import { machine, table } from "./table.ts";

const scenarios: readonly Scenario[] = [
  startScenario,
  exportScenario,
  ...workloadScenarios,
  rebaseScenario,
  buildScenario,
  builderScenario,
  stackScenario,
];

/** Runs the scenarios that are named, or all, and prints a table for each; `--check` and `--record` are for ratios. */
export async function bench(args: readonly string[], root: string): Promise<void> {
  const [mode] = args;
  if (args.length === 1 && (mode === "--check" || mode === "--record")) return check(mode, root);
  const unknown = args.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(", ")}; there are ${scenarios.map(({ name }) => name).join(", ")}`);
  if (!existsSync(join(root, "dist/tspack.js"))) throw new Error("dist is missing: npm run build");
  const wanted = args.length === 0 ? scenarios : scenarios.filter(({ name }) => args.includes(name));
  say(`${machine()}; load ${(loadavg()[0] ?? 0).toFixed(1)} before the run. Medians of interleaved runs.\n`);
  for (const scenario of wanted) await runOne(scenario, root);
}

async function runOne(scenario: Scenario, root: string): Promise<void> {
  say(`### ${scenario.name}: ${scenario.title}\n`);
  const missing = scenario.missing?.();
  if (missing !== undefined) {
    if (process.env["CI"] !== undefined) throw new Error(`CI needs ${missing}`);
    return say(`left out: ${missing}\n`);
  }
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-"));
  try {
    const rounds = Number(process.env["TSPACK_BENCH_ROUNDS"] ?? 5);
    say(`${table(await scenario.run({ root, directory, rounds }))}\n`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
