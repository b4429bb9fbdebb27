import { benchBuild, benchEnv, type Workload } from "../bench-build.ts";
import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { manyFiles } from "../bench-trees.ts";
import { compete, type Contestant } from "../compete.ts";
import { exportsWithFingerprints, firstExport } from "../export-rows.ts";
import type { NetworkSpeed } from "../network-link.ts";
import { scaled } from "../scale.ts";
import { ours, type Scenario } from "../scenario.ts";
import { pushRunImage } from "../workloads.ts";

const speed: NetworkSpeed = { delay: 20, bitRate: 50_000_000 };

const workload: Workload = {
  layers: ["modules"],
  fill: (directory) => manyFiles(directory, scaled(1500), 15),
  appFiles: 30,
};

/** What a far registry costs: requests in a row, and bytes. */
export const slowScenario: Scenario = {
  name: "slow",
  title: "a registry behind a network of 20 ms each way and 50 Mbit/s",
  missing: registryMissing,
  async run(bench) {
    const registry = await startBenchRegistry(bench.directory, speed);
    try {
      const build = await benchBuild(bench, registry.host, workload);
      const first = firstExport(build, registry.host);
      const rows: readonly Contestant[] = [
        first,
        ...exportsWithFingerprints(build, registry.host),
        {
          name: "lifecycle rebase",
          get command() {
            return ours(bench, "lifecycle", "rebase", first.command.at(-1) ?? "");
          },
          env: benchEnv,
          prepare: () => pushRunImage(`${registry.host}/bench/run`, `run ${process.hrtime.bigint()}`),
        },
      ];
      return await compete(rows, bench.rounds, bench.counts === true ? registry.startCounter : undefined);
    } finally {
      await registry.close();
    }
  },
};
