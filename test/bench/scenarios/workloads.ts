import { type BenchBuild, benchBuild, type Workload } from "../bench-build.ts";
import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { largeFile, manyFiles } from "../bench-trees.ts";
import { compete, type Contestant, type Result } from "../compete.ts";
import { creators } from "../creator-rows.ts";
import {
  exportsWithCacheDirectory,
  exportsWithCacheImage,
  exportsWithFingerprints,
  plainExports,
} from "../export-rows.ts";
import { scale, scaled, selected } from "../scale.ts";
import type { Bench, Scenario } from "../scenario.ts";

/** 36,900 small files in one layer, and an application of 300 files. */
export const w1: Workload = {
  layers: ["modules"],
  fill: (directory) => manyFiles(directory, scaled(36_900), 11),
  appFiles: 300,
};

const w2: Workload = {
  layers: ["archive"],
  fill: (directory) => largeFile(directory, Math.max(1, Math.round(2048 * scale())) * 2 ** 20, 12),
  appFiles: 20,
};

const w3: Workload = { layers: [], fill: () => ({ files: 0, bytes: 0 }), appFiles: 20 };

const w5: Workload = {
  layers: Array.from({ length: 60 }, (_, index) => `layer-${String(index).padStart(2, "0")}`),
  fill: (directory, name) => manyFiles(directory, 20, 100 + Number(name.slice(-2))),
  appFiles: 20,
};

const sixtyThousand: Workload = {
  layers: ["modules"],
  fill: (directory) => manyFiles(directory, scaled(60_000), 14, 0.2),
  appFiles: 20,
};

/** What is measured of workloads whose other rows would take minutes and say nothing new. */
const shortened = /^export, (first|(fingerprints, |cache directory, )?nothing changed)$|^restore, cache directory$/;
const small =
  /^export, (first|(cache directory, )?nothing changed|one application file changed)$|^creator, (first|nothing changed)/;
const large = /^export, (first|(fingerprints, )?nothing changed)$/;

/** W1: a folder of npm packages; W2: one file, half of it compressed already; W3: no layers; W5: many layers. */
export const workloadScenarios: readonly Scenario[] = [
  scenario("w1", "36,900 small files in one layer, an application of 300 files", w1),
  scenario("w2", "one file of 2 GiB, half of it incompressible", w2, large),
  scenario("w3", "an application of 20 files", w3, small),
  scenario("w5", "60 small layers", w5, small),
  scenario("files", "60,000 files of 2.5 kB on the average in one layer", sixtyThousand, shortened),
];

function scenario(name: string, title: string, workload: Workload, usual?: RegExp): Scenario {
  return {
    name,
    title: `${title}, to a registry of this machine`,
    missing: registryMissing,
    // One more round with large workloads takes minutes, and says what W1 says.
    run: (bench) =>
      runWorkload(
        { ...bench, counts: bench.counts === true && workload !== w2 && workload !== sixtyThousand },
        workload,
        (all) => selected(all, usual),
      ),
  };
}

/** Every row of a workload, in the order that they need, of which `select` takes some. */
export async function runWorkload(
  bench: Bench,
  workload: Workload,
  select: (all: readonly Contestant[]) => readonly Contestant[],
): Promise<readonly Result[]> {
  const registry = await startBenchRegistry(bench.directory);
  try {
    const build = await benchBuild(bench, registry.host, workload);
    const counter = bench.counts === true ? registry.startCounter : undefined;
    return await compete(select(rows(build, registry.host)), bench.rounds, counter);
  } finally {
    await registry.close();
  }
}

function rows(build: BenchBuild, host: string): readonly Contestant[] {
  return [
    ...plainExports(build, host),
    ...exportsWithFingerprints(build, host),
    ...exportsWithCacheDirectory(build, host),
    ...exportsWithCacheImage(build, host),
    ...creators(build, host),
  ];
}
