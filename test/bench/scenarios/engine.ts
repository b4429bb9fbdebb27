import { existsSync } from "node:fs";
import { join } from "node:path";
import { engineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../../lifecycle/stores/engine/engine-store.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { canStartEngine, startDockerEngine } from "../../e2e/docker-engine.ts";
import { type BenchBuild, benchBuild, benchEnv } from "../bench-build.ts";
import { registryMissing, startBenchRegistry } from "../bench-registry.ts";
import { quietly, touchLayer } from "../changes.ts";
import { compete, type Contestant } from "../compete.ts";
import { selected } from "../scale.ts";
import type { Scenario } from "../scenario.ts";
import { runImage } from "../workloads.ts";
import { w1 } from "./workloads.ts";

/** W1 to a Docker daemon of the bench's own, which unpacks each layer as it comes. */
export const engineScenario: Scenario = {
  name: "engine",
  title: "W1 to a Docker engine of this machine",
  missing: () =>
    registryMissing() ?? (canStartEngine("dockerd") ? undefined : "dockerd is not installed, or this is not root"),
  async run(bench) {
    const engine = await startDockerEngine();
    if (engine === undefined) throw new Error("no Docker engine can be started here");
    const registry = await startBenchRegistry(bench.directory);
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      const build = await benchBuild(bench, registry.host, w1);
      const store = engineStore({ engine: connection, directory: () => join(bench.directory, "saved") });
      await store.write(await runImage("one"), [parseReference(`${registry.host}/bench/run`)]);
      return await compete(selected(rows(build, registry.host, engine.socket)), bench.rounds);
    } finally {
      await connection.close();
      await engine.close();
      await registry.close();
    }
  },
};

function rows(build: BenchBuild, host: string, socket: string): readonly Contestant[] {
  const image = `${host}/bench/engine`;
  const env = { ...benchEnv, DOCKER_HOST: `unix://${socket}` };
  const analyzed = async (): Promise<void> => quietly(build.analyze(image, "-daemon"), env);
  const plain = build.export(image, "-daemon");
  const withFingerprints = build.export(image, "-daemon", "-fingerprints", build.fingerprints);
  const archive = `${build.layers}-of-engine.tar`;
  const docker = ["docker", "--host", `unix://${socket}`];
  return [
    {
      name: "export to the engine, first",
      env,
      command: plain,
      prepare: async () => {
        touchLayer(build);
        await analyzed();
      },
    },
    {
      // What the engine itself takes for these files: everything is there, nothing is packed.
      name: "docker load of the same image",
      env,
      command: [...docker, "load", "--quiet", "--input", archive],
      prepare: async () => {
        if (!existsSync(archive)) {
          await analyzed();
          await quietly(plain, env);
          await quietly([...docker, "save", "--output", archive, image], env);
        }
        await quietly([...docker, "image", "rm", "--force", image], env);
        // Images of earlier rounds, whose name is another's now, have layers, too.
        await quietly([...docker, "image", "prune", "--force"], env);
      },
    },
    { name: "export to the engine, nothing changed", env, command: plain, prepare: analyzed },
    {
      name: "export to the engine, fingerprints, nothing changed",
      env,
      command: withFingerprints,
      prepare: async () => {
        await analyzed();
        await quietly(withFingerprints, env);
        await analyzed();
      },
    },
  ];
}
