import { dirname } from "node:path";
import { benchBuild, type BenchBuild } from "../bench-build.ts";
import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { quietly, touchLayer } from "../changes.ts";
import { compete, type Contestant } from "../compete.ts";
import { exportsWithFingerprints, firstExport } from "../export-rows.ts";
import { builderRows, type LatestBuild, startImageBuilders } from "../image-builders.ts";
import { startLimits } from "../limits.ts";
import { selected } from "../scale.ts";
import type { Scenario } from "../scenario.ts";
import { w1 } from "./workloads.ts";

/** The export of W1 beside other programs that make and push an image of the same files, and what limits all. */
export const peersScenario: Scenario = {
  name: "peers",
  title: "W1 to a registry of this machine, with other image builders and with the limits of the machine",
  missing: registryMissing,
  async run(bench) {
    const registry = await startBenchRegistry(bench.directory);
    const closing: (() => Promise<void>)[] = [registry.close];
    try {
      const build = await benchBuild(bench, registry.host, w1);
      const context = dirname(build.first);
      const limits = await startLimits(bench.directory, context, "modules");
      closing.unshift(limits.close);
      const source = { directory: bench.directory, context, folder: "modules", host: registry.host };
      const others = await startImageBuilders(source);
      closing.unshift(others.close);
      const latest = latestBuild(build);
      const rows: readonly Contestant[] = [
        ...ours(build, registry.host),
        ...others.builders.flatMap((builder) => builderRows(builder, latest)),
        ...limits.contestants,
      ];
      const counter = bench.counts === true ? registry.startCounter : undefined;
      return await compete(selected(rows), bench.rounds, counter);
    } finally {
      for (const close of closing) await close();
    }
  },
};

/** Counted and in more cases in W1. */
function ours(build: BenchBuild, host: string): readonly Contestant[] {
  const unchanged = exportsWithFingerprints(build, host).filter(({ name }) => name.endsWith("nothing changed"));
  return [firstExport(build, host), ...unchanged];
}

function latestBuild(build: BenchBuild): LatestBuild {
  let latest = "";
  return {
    change: (builder) => {
      touchLayer(build);
      latest = builder;
    },
    ensure: async (builder, command, env) => {
      if (latest !== builder) await quietly(command, env ?? {});
      latest = builder;
    },
  };
}
