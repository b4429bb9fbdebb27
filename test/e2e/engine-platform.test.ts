import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { downloadTree } from "../../lifecycle/platform/engine/archives.ts";
import { createContainer, runContainer } from "../../lifecycle/platform/engine/containers.ts";
import { type EngineConnection, engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { canStartEngine, startDockerEngine, startRootlessPodman, type TestEngine } from "./docker-engine.ts";
import { scriptedApp, scriptedBuilderFiles, writeTree } from "./scripted-builder.ts";
import { buildJson, needs, type Person, removeAll, scratchDirectory, self, succeed, tspack } from "./tspack.ts";

const { skip, note } = needs("dockerd", "podman", "unshare", "setpriv", "newuidmap", "apt-get", "dpkg-deb");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");
const isOther = process.arch === "x64";

/** This machine runs programs for arm64 already, so that nothing would be refused. */
const emulates = ((): boolean => {
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").some((name) => name.includes("aarch64"));
  } catch {
    return false;
  }
})();

describe.skipIf(skip || !canStart || !isOther)(`--platform linux/arm64 on another machine (needs root)${note}`, () => {
  let person: Person;
  let docker: TestEngine;
  let directory = "";
  let args: readonly string[] = [];

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("engine-platform");
    await succeed(person, [
      "stack",
      "create",
      "--arch",
      "arm64",
      "--run",
      "e2e/run:arm64",
      "--build",
      "e2e/build:arm64",
    ]);
    const { "builder.toml": toml = "", ...files } = scriptedBuilderFiles;
    writeTree(join(directory, "builder"), {
      ...files,
      "builder.toml": `${toml.replace(/image = .*/, 'image = "e2e/build:arm64"')}[[run.images]]\nimage = "e2e/run:arm64"\n`,
    });
    const config = ["--config", join(directory, "builder/builder.toml"), "--target", "linux/arm64"];
    await succeed(person, ["builder", "create", "e2e/builder:arm64", ...config]);
    const build = `echo "on $(uname -m)"
printf '[[processes]]\\ntype = "web"\\ncommand = ["uname", "-m"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"`;
    const app = scriptedApp(join(directory, "app"), { build });
    args = ["--path", app, "--builder", "e2e/builder:arm64", "--platform", "linux/arm64", "--network", "host"];
    const started = await startDockerEngine();
    if (started === undefined) throw new Error("no engine can be started here");
    docker = started;
  });
  afterAll(async () => {
    await docker?.close();
    removeAll(directory);
  });

  const inEngine = ["--output", "engine"];

  it.skipIf(emulates)(
    "is refused before anything is built where nothing emulates it, and says what to do",
    async () => {
      const podman = await startRootlessPodman();
      if (podman === undefined) throw new Error("no rootless Podman can be started here");
      try {
        for (const [{ socket }, more] of [
          [docker, []],
          [docker, ["--trust-builder"]],
          [podman, []],
        ] as const) {
          const env = { DOCKER_HOST: `unix://${socket}` };
          const { code, stderr } = await tspack(person, ["build", "e2e/arm", ...args, ...inEngine, ...more], { env });
          expect(stderr).toContain("error RUNNER_UNAVAILABLE");
          expect(stderr).toContain("can not run programs for linux/arm64");
          expect(stderr).toContain("qemu-user-static");
          expect(stderr).not.toContain("===>");
          expect(code).toBe(1);
          await withConnection(socket, async (engine) => {
            expect(await engine.json({ method: "GET", path: "/containers/json?all=1" })).toEqual([]);
          });
        }
      } finally {
        await podman.close();
      }
    },
  );

  it("is built under emulation, with programs for arm64 in the image, the same in five containers and in one", async () => {
    const stop = emulates ? () => {} : emulateArm64(join(directory, "qemu"));
    try {
      const env = { DOCKER_HOST: `unix://${docker.socket}` };
      const five = await buildJson(person, ["e2e/arm", ...args, ...inEngine], { env });
      expect(five.log).toContain("on aarch64");
      const creator = await buildJson(person, ["e2e/arm-creator", ...args, ...inEngine, "--trust-builder"], { env });
      expect(creator.digest).toBe(five.digest);
      await withConnection(docker.socket, async (engine) => {
        const image = await engine.json({ method: "GET", path: "/images/e2e/arm/json" });
        expect(image).toMatchObject({ Architecture: "arm64" });
        const launched = await launch(engine, join(directory, "taken"));
        expect(launched).toEqual({ status: 0, said: "aarch64\n", machine: 183 });
      });
    } finally {
      stop();
    }
  });
});

/** Runs the image as it is; `machine` is the launcher's in ELF's numbers. */
async function launch(engine: EngineConnection, taken: string): Promise<object> {
  const { signal } = new AbortController();
  const id = await createContainer(engine, {
    ...{ name: "arm", image: "e2e/arm", command: ["/cnb/process/web"], env: {}, user: "1000:1000", binds: [] },
    ...{ network: "none", confined: true, labels: {} },
  });
  const said: string[] = [];
  const status = await runContainer(engine, id, (_, bytes) => void said.push(Buffer.from(bytes).toString()), signal);
  mkdirSync(taken);
  await downloadTree(engine, id, "/cnb/lifecycle/launcher", taken, signal);
  return { status, said: said.join(""), machine: readFileSync(join(taken, "launcher")).readUInt16LE(18) };
}

async function withConnection(socket: string, work: (engine: EngineConnection) => Promise<void>): Promise<void> {
  const engine = engineConnection({ kind: "unix", path: socket }, undefined, { connections: 4 });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

const magic = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** Lets this machine run programs for arm64 until the returned function is called. */
function emulateArm64(directory: string): () => void {
  mkdirSync(join(directory, "binfmt"), { recursive: true });
  // Installed, it would take the place of the emulator that other tests use.
  execFileSync("apt-get", ["download", "-q", "qemu-user-static"], { cwd: directory, stdio: "ignore" });
  const archive = readdirSync(directory).find((name) => name.endsWith(".deb")) ?? "";
  execFileSync("dpkg-deb", ["-x", join(directory, archive), join(directory, "root")]);
  const name = `tspack-e2e-${process.pid}`;
  const binfmt = join(directory, "binfmt");
  execFileSync("mount", ["-t", "binfmt_misc", "none", binfmt]);
  const program = join(directory, "root/usr/bin/qemu-aarch64-static");
  // F: it is opened now, and so is there in every container.
  writeFileSync(join(binfmt, "register"), `:${name}:M::${magic}:${mask}:${program}:OCF`);
  return () => {
    writeFileSync(join(binfmt, name), "-1");
    execFileSync("umount", [binfmt]);
  };
}
