import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Workload } from "./bench-build.ts";
import { registryMissing } from "./bench-registry.ts";
import { manyFiles } from "./bench-trees.ts";
import type { Contestant, Result } from "./compete.ts";
import { ratiosOf, readRatios, regressions, writeRatios } from "./ratios.ts";
import { exportOf } from "./scenarios/export.ts";
import { rebaseScenario } from "./scenarios/rebase.ts";
import { runWorkload } from "./scenarios/workloads.ts";
import { machine, table } from "./table.ts";

/** Small enough for every run of continuous integration, large enough that Node's start is a small part. */
const files = 3000;
const rounds = 3;
const peer = "GNU tar | gzip -5 > file";

/** Like W1. */
const workload: Workload = {
  layers: ["modules"],
  fill: (directory) => manyFiles(directory, files / 2, 11),
  appFiles: 30,
};
const rows = /^(export, cache directory, nothing changed|restore, cache directory)$/;

/**
 * Measures the export of a small workload beside a peer, and by the same peer what follows an export. `--check` prints
 * a warning for each ratio that became worse, and does not fail: machines differ. `--record` writes the ratios down.
 */
export async function check(mode: "--check" | "--record", root: string): Promise<void> {
  const missing = registryMissing();
  if (missing !== undefined) return say(`left out: ${missing}`);
  const recording = join(root, "test/bench/ratios.json");
  const results = [
    ...(await inDirectory((directory) => exportOf({ root, directory, rounds }, files, withPeer))),
    ...named(await inDirectory((directory) => runWorkload({ root, directory, rounds }, workload, ofRows))),
    ...(await inDirectory((directory) => rebaseScenario.run({ root, directory, rounds }))),
  ];
  say(table(results));
  const found = ratiosOf(results, peer, machine(), new Date());
  if (found === undefined) return say(`left out: ${peer} did not run, or /usr/bin/time is not installed`);
  if (mode === "--record") return writeRatios(recording, found);
  const worse = regressions(found, readRatios(recording));
  for (const line of worse) say(`warning: ${line}`);
  if (worse.length === 0) say("no ratio is more than 15 % above the recorded one");
}

const withPeer = (all: readonly Contestant[]): readonly Contestant[] =>
  all.filter(({ name, peer: isPeer }) => isPeer !== true || name === peer);

const ofRows = (all: readonly Contestant[]): readonly Contestant[] => all.filter(({ name }) => rows.test(name));

/** The rows of workloads are all phases of the lifecycle. */
function named(results: readonly Result[]): readonly Result[] {
  return results.map((result) => ({ ...result, name: `lifecycle ${result.name}` }));
}

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-"));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
