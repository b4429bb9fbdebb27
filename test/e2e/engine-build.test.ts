import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { startFakeEngine } from "../fakes/engine.ts";
import { canStartEngine, startDockerEngine, startPodmanEngine, type TestEngine } from "./docker-engine.ts";
import { sampleDirectory } from "./samples.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  buildJson,
  leftovers,
  needs,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  succeed,
  type Summary,
  tspack,
} from "./tspack.ts";

const engines = [
  ["Docker", "dockerd", startDockerEngine],
  ["Podman", "podman", startPodmanEngine],
] as const;

describe.each(engines)("builds with %s (needs root, %s, docker-registry, skopeo)", (_name, program, start) => {
  const { skip } = needs("docker-registry", "skopeo", program);
  const canStart = canStartEngine(program);
  if (!canStart && process.env["CI"] !== undefined) throw new Error(`CI needs ${program} as root`);
  describe.skipIf(skip || !canStart)("", () => engineTests(program, start));
});

// bcrypt of "pass:word".
const htpasswd = "ada:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";
const credential = Buffer.from("ada:pass:word").toString("base64");

/** Says what it can see, and makes one layer for launch and cache. */
const buildScript = `set -e
echo "user $(id -u):$(id -g), app of $(stat -c %u:%g .)"
seen="$(env) $(cat /proc/*/environ 2> /dev/null | tr '\\0' '\\n' || true)"
[[ $seen != *CNB_PLATFORM_API* ]] || echo "variables of the phase are here"
[[ $seen != *${credential}* ]] || echo "a credential is here"
[ ! -e /extra ] || echo "extra: $(cat /extra/file)"
[ ! -e /extra ] || touch /extra/made 2> /dev/null || echo "extra is read-only"
echo "interfaces: $(ls /sys/class/net | tr '\\n' ' ')"
[ ! -f "$CNB_LAYERS_DIR/data/file" ] || echo "kept from the last build"
mkdir -p "$CNB_LAYERS_DIR/data"; echo data > "$CNB_LAYERS_DIR/data/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["cat", "/workspace/build.sh"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`;

function engineTests(program: string, start: () => Promise<TestEngine | undefined>): void {
  let person: Person;
  let engine: TestEngine;
  let registry: DockerRegistry;
  let directory = "";
  let app = "";
  let env: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("engine-build");
    await makeScriptedBuilder(person, join(directory, "builder"));
    app = scriptedApp(join(directory, "app"), { build: buildScript });
    registry = await startDockerRegistry({ htpasswd });
    const started = await start();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
    mkdirSync(join(directory, "docker"));
    const auths = { [registry.host]: { auth: credential } };
    writeFileSync(join(directory, "docker/config.json"), JSON.stringify({ auths }));
    env = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: join(directory, "docker") };
    skopeo("copy", `oci:${person.home}/data/images:tspack.local/run:bookworm`, `docker://${registry.host}/run:v1`);
  });
  afterAll(async () => {
    await engine.close();
    await registry.close();
    removeAll(directory);
  });

  const skopeo = (command: string, from: string, to: string): void => {
    const flags = ["--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ada:pass:word"];
    execFileSync("skopeo", [command, "-q", ...flags, from, to], { stdio: "pipe" });
  };
  const build = (...args: readonly string[]): Promise<Summary & { readonly log: string }> =>
    buildJson(person, [...args], { env });
  const scripted = (name: string, ...args: readonly string[]): ReturnType<typeof build> =>
    build(name, "--path", app, "--builder", scriptedBuilder, "--runner", "engine", ...args);
  const ask = async (path: string): Promise<unknown> => {
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      return await connection.json({ method: "GET", path });
    } finally {
      await connection.close();
    }
  };
  /** Everything that builds could leave in the engine, but its images. */
  const things = async (): Promise<{ readonly volumes: readonly string[]; readonly others: readonly string[] }> => {
    const containers = (await ask("/containers/json?all=1")) as readonly { readonly Names: readonly string[] }[];
    const { Volumes: volumes } = (await ask("/volumes")) as { Volumes: readonly { Name: string }[] | null };
    const networks = (await ask("/networks")) as readonly { readonly Name: string }[];
    return {
      volumes: (volumes ?? []).map(({ Name }) => Name).sort(),
      others: [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name)]
        .filter((name) => name.includes("tspack"))
        .sort(),
    };
  };
  const publishing = (): readonly string[] => [
    "--publish",
    "--run-image",
    `${registry.host}/run:v1`,
    "--network",
    "host",
  ];

  const inEngineAndSandbox = async (sample: string): Promise<void> => {
    const source = ["--path", sampleDirectory(sample)];
    const sandbox = await build(`e2e/in-sandbox-${sample}`, ...source, "--runner", "sandbox");
    const built = await build(`e2e/in-engine-${sample}`, ...source, "--runner", "engine", "--network", "host");
    expect(built.digest).toBe(sandbox.digest);
    expect(built.runner).toMatch(/^engine \((Docker|Podman) /);
    expect(await things()).toEqual({ volumes: [], others: [] });
    expect(leftovers(person)).toEqual([]);
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
    const name = (tag: string): string => `${registry.host}/app:${tag}`;
    const sandbox = await build(
      name("sandbox"),
      "--path",
      app,
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
    const { log } = await scripted(`${registry.host}/app:secret`, ...publishing(), "--verbose");
    expect(log).toContain("interfaces:");
    expect(log).not.toContain("a credential is here");
    expect(log).not.toContain(credential);
  });

  it("puts the image into the engine, keeps caches in volumes with pack's names, and reuses both", async () => {
    const first = await scripted("e2e/kept", "--output", "engine", "--network", "host");
    const image = (await ask("/images/e2e/kept/json")) as { readonly Id: string };
    expect(image.Id.replace(/^(sha256:)?/, "sha256:")).toBe(first.digest);
    const { volumes, others } = await things();
    expect(others).toEqual([]);
    expect(volumes.filter((name) => name.startsWith("pack-cache-e2e_kept_latest-"))).toEqual([
      expect.stringMatching(/^pack-cache-e2e_kept_latest-[0-9a-f]{12}\.build$/),
      expect.stringMatching(/^pack-cache-e2e_kept_latest-[0-9a-f]{12}\.launch$/),
    ]);
    const again = await scripted("e2e/kept", "--output", "engine", "--network", "host", "--trust-builder");
    expect(again.log).toContain("kept from the last build");
    expect(again.digest).toBe(first.digest);
    expect(again.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
    const cleared = await scripted("e2e/kept", "--output", "engine", "--network", "host", "--clear-cache");
    expect(cleared.log).not.toContain("kept from the last build");
  });

  it("mounts volumes read-only unless they say rw, and keeps buildpacks from the network", async () => {
    const extra = join(directory, "extra");
    mkdirSync(extra, { mode: 0o777 });
    execFileSync("chmod", ["777", extra]);
    writeFileSync(join(extra, "file"), "from outside");
    const offline = await scripted("e2e/offline", "--network", "none", "--volume", `${extra}:/extra`);
    expect(offline.log).toContain("extra: from outside");
    expect(offline.log).toContain("extra is read-only");
    expect(offline.log).toContain("interfaces: lo ");
    await scripted("e2e/offline", "--network", "none", "--volume", `${extra}:/extra:rw`);
    expect(readFileSync(join(extra, "made"), "utf8")).toBe("");
    const refused = await tspack(
      person,
      ["build", "e2e/x", "--path", app, "--runner", "engine", "--volume", `${extra}:/cnb/x`],
      { env },
    );
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("--volume");
  });

  it.each([
    ["five containers", () => five],
    ["the creator", () => [...creator, "--trust-extra-buildpacks"]],
    ["two containers", () => ["--output", "local"]],
  ])("builds with buildpacks that the builder does not have, in %s", async (_name, ways) => {
    const own = join(directory, "own");
    mkdirSync(join(own, "bin"), { recursive: true });
    writeFileSync(
      join(own, "buildpack.toml"),
      'api = "0.11"\n[buildpack]\nid = "test/own"\nversion = "2.0.0"\n[[targets]]\nos = "linux"\n',
    );
    writeFileSync(join(own, "bin/detect"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    writeFileSync(join(own, "bin/build"), "#!/bin/sh\necho own buildpack\n", { mode: 0o755 });
    const output = ways().includes("local") ? [] : ["--output", "engine"];
    const options = [...output, ...ways()];
    const { group, log } = await scripted("e2e/own", "--buildpack", own, ...options);
    expect(group).toEqual([{ id: "test/own", version: "2.0.0" }]);
    expect(log).toContain("own buildpack");
    const around = await scripted("e2e/around", "--pre-buildpack", own, ...options);
    expect(around.group.map(({ id }) => id)).toEqual(["test/own", "test/scripted"]);
    // The builder itself stays as it was.
    const plain = await scripted("e2e/plain", ...options);
    expect(plain.group.map(({ id }) => id)).toEqual(["test/scripted"]);
  });

  it("exports a group with image extensions outside of containers, which apply none", async () => {
    const extension = join(directory, "extension");
    const bin = join(extension, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(extension, "extension.toml"), 'api = "0.10"\n[extension]\nid = "test/base"\nversion = "3"\n');
    const dockerfile = "ARG base_image\\nFROM ${base_image}\\nLABEL e2e.extended=yes\\n";
    const generate = `#!/bin/sh\nprintf '${dockerfile}' >"$CNB_OUTPUT_DIR/run.Dockerfile"\n`;
    writeFileSync(join(bin, "detect"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(bin, "generate"), generate, { mode: 0o755 });
    // Somebody who trusts all of it gets no creator either, which would leave the extension out.
    const trusting = ["--trust-builder", "--trust-extra-buildpacks", "--extension", extension];
    const { log } = await scripted("e2e/extended", "--output", "engine", ...trusting);
    expect(log).toContain("The group has image extensions");
    const image = await ask("/images/e2e/extended/json");
    expect(image).toMatchObject({ Config: { Labels: { "e2e.extended": "yes" } } });
    expect((await things()).others).toEqual([]);
  });

  it("says what a failed buildpack said, and leaves nothing", async () => {
    const broken = scriptedApp(join(directory, "broken"), { build: "echo this is why >&2; exit 7" });
    const before = await things();
    for (const output of [["--output", "engine"], []]) {
      const args = [
        "build",
        "e2e/broken",
        "--path",
        broken,
        "--builder",
        scriptedBuilder,
        "--runner",
        "engine",
        ...output,
      ];
      const { code, stderr } = await tspack(person, args, { env });
      expect(code).toBe(51);
      expect(stderr).toContain("this is why");
    }
    expect((await things()).others).toEqual([]);
    expect((await things()).volumes.filter((name) => !name.startsWith("pack-cache-"))).toEqual(
      before.volumes.filter((name) => !name.startsWith("pack-cache-")),
    );
    expect(leftovers(person)).toEqual([]);
  });

  it.each([
    ["in five containers", ["--output", "engine"]],
    ["in the creator", ["--output", "engine", "--trust-builder"]],
    ["with the phases outside", []],
  ] as const)("leaves nothing after Ctrl-C %s", async (_how, output) => {
    const slow = scriptedApp(join(directory, "slow"), { build: "trap '' INT TERM; echo sleeping; sleep 600" });
    const args = ["build", "e2e/slow", "--path", slow, "--builder", scriptedBuilder, "--runner", "engine", ...output];
    const running = startTspack(person, args, { env });
    await running.says("sleeping");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(/Canceled\.\n$/);
    const { volumes, others } = await things();
    expect(others).toEqual([]);
    expect(volumes.filter((name) => !name.startsWith("pack-cache-"))).toEqual([]);
    expect(leftovers(person)).toEqual([]);
  });

  it("takes away what a killed build left, with the next one, and nothing of one that runs", async () => {
    const slow = scriptedApp(join(directory, "killed"), { build: "echo sleeping; sleep 600" });
    const args = ["build", "e2e/killed", "--path", slow, "--builder", scriptedBuilder, "--runner", "engine"];
    const [killed, running] = await Promise.all(
      [1, 2].map(async () => {
        const started = startTspack(person, [...args, "--network", "host", "--output", "engine"], { env });
        await started.says("sleeping");
        return started;
      }),
    );
    const both = await things();
    killed?.child.kill("SIGKILL");
    await killed?.done;
    expect(await things()).toEqual(both);
    const odd = scriptedApp(join(directory, "odd"), {
      detect: "touch .wh.file",
      build: "[ -e .wh.file ] && echo the odd file is here; rm .wh.file",
    });
    // The phases are outside: directories are copied out of the container and in again.
    const { log } = await build("e2e/odd", "--path", odd, ...args.slice(4), "--network", "host");
    expect(log).toContain("the odd file is here");
    const left = await things();
    expect(left.others).toHaveLength(both.others.length / 2);
    running?.child.kill("SIGINT");
    expect((await running?.done)?.code).toBe(130);
    const { volumes, others } = await things();
    expect([...others, ...volumes.filter((name) => !name.startsWith("pack-cache-"))]).toEqual([]);
    expect(leftovers(person)).toEqual([]);
  });

  const five: readonly string[] = [];
  const creator = ["--trust-builder"];
  const kept = "kept from the last build";
  const isDocker = program === "dockerd";

  it.runIf(isDocker)("keeps layers in a named volume, which --clear-cache empties", async () => {
    const args = ["--output", "engine", "--network", "host", "--cache", "type=build;format=volume;name=e2e-own"];
    expect((await scripted("e2e/volume", ...args, ...five)).log).not.toContain(kept);
    expect((await things()).volumes).toContain("e2e-own");
    expect((await things()).volumes.filter((name) => /^pack-cache-e2e_volume_.*build$/.test(name))).toEqual([]);
    const other = await scripted("e2e/volume-other", ...args, ...creator);
    expect(other.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    for (const way of [five, creator])
      expect((await scripted("e2e/volume", ...args, ...way, "--clear-cache")).log).not.toContain(kept);
    expect((await scripted("e2e/volume", ...args, ...five)).log).toContain(kept);
  });

  it("keeps layers in a directory of the engine's machine", async () => {
    const source = join(directory, "bound");
    const args = ["--output", "engine", "--network", "host", "--cache", `type=build;format=bind;source=${source}`];
    expect((await scripted("e2e/bound", ...args, ...creator)).log).not.toContain(kept);
    const other = await scripted("e2e/bound-other", ...args, ...five);
    expect(other.log).toContain(kept);
    const cleared = await scripted("e2e/bound", ...args, ...five, "--clear-cache");
    expect(cleared.log).not.toContain(kept);
    expect((await things()).volumes.filter((name) => /^pack-cache-e2e_bound.*build$/.test(name))).toEqual([]);
  });

  it.runIf(isDocker)("keeps layers in a cache image", async () => {
    const args = [...publishing(), "--cache-image", `${registry.host}/cache:1`];
    expect((await scripted(`${registry.host}/cached:1`, ...args, ...five)).log).not.toContain(kept);
    const other = await scripted(`${registry.host}/cached-other:1`, ...args, ...creator);
    expect(other.restored).toEqual([{ layer: "test/scripted:data", from: "cache" }]);
    const cleared = await scripted(`${registry.host}/cached-other:1`, ...args, ...five, "--clear-cache");
    expect(cleared.log).not.toContain(kept);
    expect((await things()).volumes.filter((name) => name.startsWith("pack-cache-cached"))).toEqual([]);
  });

  it("plans an image for the engine in a dry run, and writes none", async () => {
    const planned = await build(
      "e2e/planned",
      "--path",
      app,
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
    expect(leftovers(person)).toEqual([]);
  });

  it("builds with a builder that only the engine has", async () => {
    await succeed(person, ["images", "rm", scriptedBuilder]);
    const { group } = await scripted("e2e/only", "--output", "engine", "--pull-policy", "never");
    expect(group).toEqual([{ id: "test/scripted", version: "1.0.0" }]);
    await makeScriptedBuilder(person, join(directory, "builder"));
  });
}

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
