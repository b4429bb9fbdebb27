import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe } from "vitest";
import type { ContainerConfig } from "../../../lifecycle/oci/image-config.ts";
import { canStartEngine, startDockerEngine, type TestEngine } from "../docker-engine.ts";
import { follow, needs, type Person } from "../tspack.ts";
import { describeSamples, type SampleImage, type StartedSample } from "./every-sample.ts";
import { readRows, table } from "./rows.ts";

const tools = needs("dockerd", "docker");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");

describe.skipIf(tools.skip || !canStart)("every sample, built and run by Docker (needs root, dockerd, docker)", () => {
  let engine: TestEngine;
  beforeAll(async () => {
    const started = await startDockerEngine();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
  });
  afterAll(async () => {
    process.stdout.write(`\n${table(readRows())}\n`);
    await engine.close();
  });

  describeSamples({
    name: "docker",
    said: /^engine \(Docker /,
    // Containers of this engine have no network but the machine's.
    args: ["--runner", "engine", "--output", "engine", "--trust-builder", "--network", "host"],
    env: () => ({ DOCKER_HOST: `unix://${engine.socket}` }),
    image,
    start,
  });

  const docker = (...args: readonly string[]): readonly string[] => ["--host", `unix://${engine.socket}`, ...args];

  async function image(_person: Person, name: string): Promise<SampleImage> {
    const { stdout } = await promisify(execFile)("docker", docker("image", "inspect", name));
    const [found] = JSON.parse(stdout) as readonly {
      readonly RootFS: { readonly Layers: readonly string[] };
      readonly Config: ContainerConfig;
    }[];
    if (found === undefined) throw new Error(`there is no image ${name}`);
    return { diffIds: found.RootFS.Layers, config: found.Config };
  }

  function start(_person: Person, name: string, port: number): StartedSample {
    const container = `sample-${port}`;
    const args = ["run", "--rm", "--name", container, "--network", "host", "--env", `PORT=${port}`, name];
    const { done } = follow(spawn("docker", docker(...args), { stdio: ["ignore", "pipe", "pipe"] }));
    const stop = async (): Promise<void> => {
      await promisify(execFile)("docker", docker("stop", "--time", "5", container)).catch(() => {});
      await done;
    };
    return { done, stop };
  }
});
