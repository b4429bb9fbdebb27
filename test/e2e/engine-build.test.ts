import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { startFakeEngine } from "../fakes/engine.ts";
import { sampleDirectory } from "./samples.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { buildJson, leftovers, removeAll, scratchDirectory, self, succeed, tspack } from "./tspack.ts";
import { buildScript, credential, describeEngines } from "./engine-site.ts";

describeEngines("builds", (at, program) => {
  const { build, scripted, ask, things, publishing } = at;

  const inEngineAndSandbox = async (sample: string): Promise<void> => {
    const source = ["--path", sampleDirectory(sample)];
    const sandbox = await build(`e2e/in-sandbox-${sample}`, ...source, "--runner", "sandbox");
    const built = await build(`e2e/in-engine-${sample}`, ...source, "--runner", "engine", "--network", "host");
    expect(built.digest).toBe(sandbox.digest);
    expect(built.runner).toMatch(/^engine \((Docker|Podman) /);
    expect(await things()).toEqual({ volumes: [], others: [] });
    expect(leftovers(at.person)).toEqual([]);
  };

  it("gives the sandbox's image for the local store, and again from what it kept: sample node-hello", async () => {
    await inEngineAndSandbox("node-hello");
    const args = ["--path", sampleDirectory("node-hello"), "--runner", "engine", "--network", "host"];
    const again = await build("e2e/in-engine-node-hello", ...args);
    expect(again.restored.map(({ from }) => from)).toContain("cache");
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
  });

  // Once is enough: it takes longer than all others together.
  it.runIf(program === "dockerd")("gives the sandbox's image for the local store: sample node-express", () =>
    inEngineAndSandbox("node-express"),
  );

  it("gives the same image in the registry from the creator, from five containers and from the sandbox", async () => {
    const name = (tag: string): string => `${at.registry.host}/app:${tag}`;
    const sandbox = await build(
      name("sandbox"),
      "--path",
      at.app,
      "--builder",
      scriptedBuilder,
      ...publishing().slice(0, 3),
    );
    const creator = await scripted(name("creator"), "--trust-builder", ...publishing());
    const five = await scripted(name("five"), ...publishing());
    expect([creator.digest, five.digest]).toEqual([sandbox.digest, sandbox.digest]);
    expect(creator.log).toContain(`user 1000:1000, app of 1000:1000`);
    expect(five.log).toContain(`user 1000:1000, app of 1000:1000`);
    const published = JSON.parse(
      execFileSync(
        "skopeo",
        ["inspect", "--raw", "--tls-verify=false", "--creds", "ada:pass:word", `docker://${name("five")}`],
        {
          encoding: "utf8",
        },
      ),
    ) as { readonly layers: readonly object[] };
    expect(published.layers).toHaveLength(five.layers.length);
    expect((await things()).others).toEqual([]);
  });

  it("shows no credential to buildpacks when the builder is not trusted", async () => {
    const { log } = await scripted(`${at.registry.host}/app:secret`, ...publishing(), "--verbose");
    expect(log).toContain("interfaces:");
    expect(log).not.toContain("a credential is here");
    expect(log).not.toContain(credential);
  });

  it("plans an image for the engine in a dry run, and writes none", async () => {
    const planned = await build(
      "e2e/planned",
      "--path",
      at.app,
      "--builder",
      scriptedBuilder,
      "--output",
      "engine",
      "--dry-run",
    );
    expect(planned.runner).toMatch(/^engine /);
    expect(planned.layers.map(({ layer }) => layer)).toContain("test/scripted:data");
    expect(await ask("/images/e2e/planned/json")).toBeUndefined();
    expect((await things()).others).toEqual([]);
    expect(leftovers(at.person)).toEqual([]);
  });

  it("builds with a builder that only the engine has", async () => {
    await succeed(at.person, ["images", "rm", scriptedBuilder]);
    const { group } = await scripted("e2e/only", "--output", "engine", "--pull-policy", "never");
    expect(group).toEqual([{ id: "test/scripted", version: "1.0.0" }]);
    await makeScriptedBuilder(at.person, join(at.directory, "builder"));
  });
});

describe("an engine with containerd's image store (a stand-in)", () => {
  it("takes what the sandbox builds, and again", async () => {
    const person = await self();
    const engine = await startFakeEngine({ keepsContent: true, version: "1.49" });
    const directory = scratchDirectory("engine-containerd");
    try {
      await makeScriptedBuilder(person, join(directory, "builder"));
      const app = scriptedApp(join(directory, "app"), { build: buildScript });
      const args = ["--path", app, "--builder", scriptedBuilder, "--runner", "sandbox", "--output", "engine"];
      const env = { DOCKER_HOST: `unix://${engine.socket}` };
      const first = await buildJson(person, ["e2e/containerd", ...args], { env });
      const connection = engineConnection({ kind: "unix", path: engine.socket });
      const image = (await connection.json({
        method: "GET",
        path: "/images/docker.io/e2e/containerd:latest/json",
      })) as {
        readonly Id: string;
      };
      await connection.close();
      // There an image is known by the digest of its manifest.
      expect(first.digest).toBe(image.Id);
      const again = await buildJson(person, ["e2e/containerd", ...args], { env });
      expect(again.digest).toBe(first.digest);
      expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
    } finally {
      await engine.close();
      removeAll(directory);
    }
  });
});

describe("an engine that is not there", () => {
  it("is said with what to do", async () => {
    const person = await self();
    const args = ["build", "e2e/none", "--path", sampleDirectory("node-hello"), "--runner", "engine"];
    const { code, stderr } = await tspack(person, args, { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
    expect(code).toBe(1);
    expect(stderr).toContain("ENGINE_UNREACHABLE");
    expect(stderr).toContain("unix:///nowhere/docker.sock");
    expect(stderr).toContain("--runner sandbox");
  });
});
