import { tmpdir } from "node:os";
import { join } from "node:path";
import { compete, type Contestant } from "../compete.ts";
import { measure } from "../measure.ts";
import { ours, type Scenario } from "../scenario.ts";

/** Where the default builder is kept from one bench to the next: making it is another scenario. */
export function benchHome(): string {
  return process.env["TSPACK_BENCH_HOME"] ?? join(tmpdir(), "tspack-bench-home");
}

/** A second build of the samples, with nothing changed. */
export const buildScenario: Scenario = {
  name: "build",
  title: "tspack build of the samples in the sandbox, nothing changed",
  async run(bench) {
    const env = { TSPACK_HOME: benchHome() };
    const samples = ["node-hello", "node-express"].map((sample): Contestant => {
      const path = join(bench.root, "samples", sample);
      return { name: `tspack build, ${sample}`, command: ours(bench, "tspack", "build", sample, "-p", path), env };
    });
    // The first builds make the builder and fill the cache.
    for (const sample of samples) await measure(sample);
    return compete(samples, bench.rounds);
  },
};
