import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { createContainer, runContainer } from "../../lifecycle/platform/engine/containers.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { canStartEngine, startDockerEngine, startRootlessPodman, type TestEngine } from "./docker-engine.ts";
import { SAMPLES } from "./samples.ts";
import { storeContext } from "./scripted-builder.ts";
import { buildJson, environment, needs, packageFile, type Person, self, summaryIn } from "./tspack.ts";

const tools = needs("docker-registry", "dockerd");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");
const rootless = needs("podman", "newuidmap", "unshare", "setpriv");
// Podman asks for the name of its user.
const hasUser = /^[^:]+:[^:]*:1000:/m.test(readFileSync("/etc/passwd", "utf8"));

describe.skipIf(tools.skip || !canStart)("a sample, published (needs root, dockerd, docker-registry)", () => {
  let person: Person;
  let registry: DockerRegistry;
  let docker: TestEngine;
  const expected = new Map<string, string>();
  const publishing = (sample: string, how: string): readonly string[] => [
    ...[`${registry.host}/${sample}:${how}`, "--path", packageFile(`samples/${sample}`)],
    ...["--publish", "--run-image", `${registry.host}/run:1`],
  ];
  const inEngine = async (sample: string, how: string, engine: TestEngine) => {
    const env = { DOCKER_HOST: `unix://${engine.socket}` };
    const args = [...publishing(sample, how), "--runner", "engine", "--network", "host"];
    return buildJson(person, args, { env });
  };

  beforeAll(async () => {
    person = await self();
    registry = await startDockerRegistry();
    const run = await layoutStore(join(person.home, "data/images")).resolve(
      parseReference("tspack.local/run:bookworm"),
    );
    if (run === undefined) throw new Error("there is no default run image");
    await registryStore({}).write(run, [parseReference(`${registry.host}/run:1`)], { ctx: storeContext });
    const started = await startDockerEngine();
    if (started === undefined) throw new Error("no engine can be started here");
    docker = started;
    for (const sample of SAMPLES) {
      const { digest, runner } = await buildJson(person, [...publishing(sample, "sandbox"), "--runner", "sandbox"]);
      expect(runner).toContain("sandbox");
      expected.set(sample, digest);
    }
  });
  afterAll(async () => {
    await docker.close();
    await registry.close();
  });

  it.each(SAMPLES)("%s is the same image from Docker as from the sandbox", async (sample) => {
    const built = await inEngine(sample, "docker", docker);
    expect(built.runner).toMatch(/^engine \(Docker /);
    expect(built.digest).toBe(expected.get(sample));
  });

  it.each(SAMPLES)("%s is the same image when it is built in place, in a container of the builder", async (sample) => {
    const { status, stdout, stderr } = await inPlace(sample);
    expect(stderr).not.toContain("error ");
    expect(status).toBe(0);
    const built = summaryIn(stdout);
    expect(built.runner).toBe("in-place");
    expect(built.digest).toBe(expected.get(sample));
  });

  it.skipIf(rootless.skip || !hasUser)(
    `the samples are the same images from an ordinary user's Podman (needs user 1000)${rootless.note}`,
    async () => {
      const podman = await startRootlessPodman();
      if (podman === undefined) throw new Error("no rootless Podman can be started here");
      try {
        for (const sample of SAMPLES) {
          const built = await inEngine(sample, "podman", podman);
          expect(built.runner).toMatch(/^engine \(Podman /);
          expect(built.digest).toBe(expected.get(sample));
        }
      } finally {
        await podman.close();
      }
    },
  );

  /** Runs tspack itself in a container of the builder that Docker got from the build before. */
  async function inPlace(sample: string) {
    const engine = engineConnection({ kind: "unix", path: docker.socket }, undefined, { connections: 4 });
    try {
      const images = (await engine.json({ method: "GET", path: "/images/json" })) as readonly {
        readonly RepoTags: readonly string[] | null;
      }[];
      const names = images.flatMap(({ RepoTags }) => RepoTags ?? []);
      const image = names.find((name) => name.startsWith("tspack.local/builder:")) ?? "";
      const args = [...publishing(sample, "in-place"), "--runner", "in-place", "--json"];
      const { PATH: _path, ...network } = environment(person);
      const files = [network["SSL_CERT_FILE"], network["NODE_EXTRA_CA_CERTS"]].filter(
        (file): file is string => file !== undefined && existsSync(file),
      );
      const id = await createContainer(engine, {
        name: `in-place-${sample}`,
        image,
        command: ["/bin/sh", "-c", inPlaceScript, "tspack", "build", ...args],
        env: { ...network, HOME: "/home/cnb" },
        user: "0:0",
        binds: [
          ...[packageFile("."), ...new Set(files)].map((path) => `${path}:${path}:ro`),
          `${person.home}:${person.home}`,
        ],
        network: "host",
        confined: false,
        labels: {},
      });
      const written = { stdout: "", stderr: "" };
      const collect = (stream: "stdout" | "stderr", bytes: Uint8Array): void =>
        void (written[stream] += Buffer.from(bytes).toString());
      const status = await runContainer(engine, id, collect, new AbortController().signal);
      return { status, ...written };
    } finally {
      await engine.close();
    }
  }
});

/** The Node of the builder's lifecycle runs tspack: a builder need not have another. */
const inPlaceScript = `set -e
cd /cnb/lifecycle
exec ./ld-linux* --library-path /cnb/lifecycle ./node ${packageFile("dist/tspack.js")} "$@"
`;
