import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ratiosOf, readRatios, regressions, writeRatios } from "./ratios.ts";
import { exportOf } from "./scenarios/export.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { machine, table } from "./table.ts";

/** Small enough for every run of continuous integration, large enough that Node's start is a small part. */
const files = 3000;
const rounds = 3;
const peer = "GNU tar | gzip -5 > file";

/**
 * Measures the export of a small workload beside a peer. `--check` prints a warning for each ratio that
 * became worse, and does not fail: machines differ. `--record` writes the ratios down.
 */
export async function check(mode: "--check" | "--record", root: string): Promise<void> {
  if (!isInstalled("docker-registry")) return say("left out: docker-registry is not installed");
  const recording = join(root, "test/bench/ratios.json");
  const directory = mkdtempSync(join(tmpdir(), "tspack-bench-"));
  try {
    const results = await exportOf({ root, directory, rounds }, files);
    say(table(results));
    const found = ratiosOf(results, peer, machine(), new Date());
    if (found === undefined) return say(`left out: ${peer} did not run, or /usr/bin/time is not installed`);
    if (mode === "--record") return writeRatios(recording, found);
    const worse = regressions(found, readRatios(recording));
    for (const line of worse) say(`warning: slower: ${line}`);
    if (worse.length === 0) say("no ratio is more than 15 % above the recorded one");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
