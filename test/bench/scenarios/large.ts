import { chmodSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Workload } from "../bench-build.ts";
import { registryMissing } from "../bench-registry.ts";
import { largeFile, manyFiles } from "../bench-trees.ts";
import type { Result } from "../compete.ts";
import { scaled, selected } from "../scale.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { runWorkload } from "./workloads.ts";

/** Bytes of each of the many layers: 200 of them are 10 GiB. */
const layerSize = Math.round(51.2 * 2 ** 20);

/** Half of it does not compress, so that the blobs that wait for the registry are large, too. */
const manyLargeLayers = (): Workload => ({
  layers: Array.from({ length: scaled(200) }, (_, index) => `layer-${String(index).padStart(3, "0")}`),
  fill: (directory, name) => largeFile(directory, layerSize, 1 + Number(name.slice(-3))),
  appFiles: 20,
});

const manySmallFiles = (): Workload => ({
  layers: ["modules"],
  fill: (directory) => manyFiles(directory, scaled(100_000), 15, 0.2),
  appFiles: 20,
});

/** What is held in memory must not depend on how much there is. Takes minutes and 25 GB, so only when named. */
export const largeScenario: Scenario = {
  name: "large",
  title: "10 GiB in 200 layers, and 100,000 files in one, to a registry of this machine",
  onlyByName: true,
  missing: registryMissing,
  run: async (bench) => [
    ...(await one(bench, "10 GiB", manyLargeLayers(), /^export, first$/)),
    ...(await one(bench, "100,000 files", manySmallFiles(), /^export, (first|fingerprints, nothing changed)$/)),
  ],
};

/** Each has its files to itself, and they are gone before the next one's are made. */
async function one(bench: Bench, what: string, workload: Workload, usual: RegExp): Promise<readonly Result[]> {
  const directory = join(bench.directory, "one");
  // The phases are another user's.
  chmodSync(bench.directory, 0o755);
  mkdirSync(directory);
  try {
    const once = { ...bench, directory, rounds: 1, counts: false };
    const results = await runWorkload(once, workload, (all) => selected(all, usual));
    return results.map((result) => ({ ...result, name: `${what}: ${result.name}` }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
