import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { compete, type Result, type StartCounter } from "../compete.ts";
import { analyzed, exportedApp, phaseEnv, runPhase } from "../exported-app.ts";
import { scaled } from "../scale.ts";
import { type Bench, ours, type Scenario } from "../scenario.ts";
import { megabytes } from "../table.ts";
import { layerBytes, pushCopies, pushRunImage } from "../workloads.ts";

/** A new base under an image in a registry: manifest and config only. */
export const rebaseScenario: Scenario = {
  name: "rebase",
  title: "an image in a registry of this machine gets a new base",
  missing: registryMissing,
  run: (bench) =>
    withImage(bench, async ({ host, image, newBase, startCounter }) => {
      const bytes = megabytes(await layerBytes(image));
      return compete(
        [
          {
            name: "lifecycle rebase",
            command: ours(bench, "lifecycle", "rebase", image),
            env: phaseEnv,
            prepare: newBase,
            remark: () => `image ${bytes}`,
          },
          {
            name: "tspack rebase --publish",
            command: ours(bench, "tspack", "rebase", "--publish", "--insecure-registry", host, image),
            env: { TSPACK_HOME: `${bench.directory}/home` },
            prepare: newBase,
          },
        ],
        bench.rounds,
        startCounter,
      );
    }),
};

/** A new base under many images at once. */
export const rebasesScenario: Scenario = {
  name: "rebases",
  title: "100 images in a registry of this machine get a new base, in one call",
  missing: registryMissing,
  run: (bench) =>
    withImage(bench, async ({ host, image, newBase, startCounter }) => {
      const images = await pushCopies(image, scaled(100));
      const rebase = ["rebase", "--publish", "--insecure-registry", host, ...images];
      return compete(
        [
          {
            name: "tspack rebase --publish, 100 images",
            command: ours(bench, "tspack", ...rebase),
            env: { TSPACK_HOME: `${bench.directory}/home` },
            prepare: newBase,
            remark: () => `${images.length} images`,
          },
        ],
        bench.rounds,
        startCounter,
      );
    }),
};

interface Rebasing {
  readonly host: string;
  readonly image: string;
  readonly newBase: () => Promise<void>;
  readonly startCounter: StartCounter | undefined;
}

async function withImage(
  bench: Bench,
  run: (rebasing: Rebasing) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const registry = await startBenchRegistry(bench.directory);
  try {
    const image = `${registry.host}/bench/rebased`;
    const exported = await exportedApp(bench, registry.host, scaled(3000));
    await analyzed(exported, image);
    await runPhase(exported.exporter(image));
    let count = 0;
    const newBase = async (): Promise<void> => {
      count++;
      await pushRunImage(`${registry.host}/bench/run`, `number ${count}`);
    };
    const startCounter = bench.counts === true ? registry.startCounter : undefined;
    return await run({ host: registry.host, image, newBase, startCounter });
  } finally {
    await registry.close();
  }
}
