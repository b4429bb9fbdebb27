import { isInstalled, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { analyzed, exportedApp, phaseEnv, runPhase } from "../exported-app.ts";
import { compete } from "../measure.ts";
import { ours, type Scenario } from "../scenario.ts";
import { megabytes } from "../table.ts";
import { layerBytes, pushRunImage } from "../workloads.ts";

/** A new base under an image in a registry: manifest and config only. */
export const rebaseScenario: Scenario = {
  name: "rebase",
  title: "an image in a registry of this machine gets a new base",
  missing: () => (isInstalled("docker-registry") ? undefined : "docker-registry is not installed"),
  async run(bench) {
    const registry = await startDockerRegistry();
    try {
      const image = `${registry.host}/bench/rebased`;
      const exported = await exportedApp(bench, registry.host, 3000);
      await analyzed(exported, image);
      await runPhase(exported.exporter(image));
      let count = 0;
      const prepare = async (): Promise<void> => {
        count++;
        await pushRunImage(`${registry.host}/bench/run`, `number ${count}`);
      };
      const bytes = megabytes(await layerBytes(image));
      return await compete(
        [
          {
            name: "lifecycle rebase",
            command: ours(bench, "lifecycle", "rebase", image),
            env: phaseEnv,
            prepare,
            remark: () => `image ${bytes}`,
          },
          {
            name: "tspack rebase --publish",
            command: ours(bench, "tspack", "rebase", "--publish", "--insecure-registry", registry.host, image),
            env: { TSPACK_HOME: `${bench.directory}/home` },
            prepare,
          },
        ],
        bench.rounds,
      );
    } finally {
      await registry.close();
    }
  },
};
