import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { startDockerRegistry } from "../fakes/docker-registry.ts";
import { canStartEngine, startDockerEngine, startPodmanEngine, type TestEngine } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  buildJson,
  needs,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  succeed,
  type Summary,
  tspack,
} from "./tspack.ts";

/** Makes one layer for the image alone and one that is kept for the next build as well. */
const buildScript = `set -e
for name in image kept; do
  [ ! -f "$CNB_LAYERS_DIR/$name.toml" ] || echo "$name is known"
done
[ ! -f "$CNB_LAYERS_DIR/kept/file" ] || echo "kept is here"
if [ ! -f "$CNB_LAYERS_DIR/image.toml" ]; then
  mkdir -p "$CNB_LAYERS_DIR/image" "$CNB_LAYERS_DIR/kept"
  head -c 100000 /dev/urandom > "$CNB_LAYERS_DIR/image/file"
  echo kept > "$CNB_LAYERS_DIR/kept/file"
fi
printf '[types]\\nlaunch = true\\n' > "$CNB_LAYERS_DIR/image.toml"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/kept.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["cat", "/workspace/build.sh"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`;

let person: Person;
let directory = "";
let args: readonly string[] = [];
beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("outputs");
  await makeScriptedBuilder(person, join(directory, "builder"));
  const app = scriptedApp(join(directory, "app"), { build: buildScript });
  args = ["--path", app, "--builder", scriptedBuilder, "--runner", "sandbox"];
});
afterAll(() => removeAll(directory));

const actions = ({ layers }: Summary): Readonly<Record<string, string>> =>
  Object.fromEntries(layers.map(({ layer, action }) => [layer.replace(/.*:/, ""), action]));

const engines = [
  ["Docker", "dockerd", startDockerEngine],
  ["Podman", "podman", startPodmanEngine],
] as const;

describe.each(engines)("--output engine of a build in the sandbox, with %s (needs root, %s)", (_, program, start) => {
  const canStart = canStartEngine(program);
  if (!canStart && process.env["CI"] !== undefined) throw new Error(`CI needs ${program} as root`);
  let engine: TestEngine;
  beforeAll(async () => {
    const started = canStart ? await start() : undefined;
    if (started !== undefined) engine = started;
  });
  afterAll(async () => engine?.close());

  it.skipIf(!canStart)(
    "is in the engine and nowhere else, and the next build takes its layers from there",
    async () => {
      const env = { DOCKER_HOST: `unix://${engine.socket}` };
      const name = `outputs/${program}`;
      const build = (): ReturnType<typeof buildJson> =>
        buildJson(person, [name, "--tag", `${name}:two`, ...args, "--output", "engine"], { env });
      const first = await build();
      expect([actions(first)["image"], actions(first)["kept"]]).toEqual(["new", "new"]);
      const connection = engineConnection({ kind: "unix", path: engine.socket });
      try {
        const store = engineStore({ engine: connection, directory: () => directory });
        for (const each of [name, `${name}:two`]) {
          const image = await store.resolve(parseReference(each));
          expect(image?.engineId).toBe(first.digest);
          expect((await image?.config())?.value.config?.Labels).toHaveProperty(["io.buildpacks.lifecycle.metadata"]);
        }
      } finally {
        await connection.close();
      }
      expect((await succeed(person, ["images", "list"])).stdout).not.toContain(name);
      const again = await build();
      expect([actions(again)["image"], actions(again)["kept"]]).toEqual(["reused", "reused"]);
      expect(again.digest).toBe(first.digest);
      // Without our own blobs the engine has to give its layers.
      await succeed(person, ["cache", "prune", "--all", "--only", "blobs"]);
      const third = await build();
      expect([actions(third)["image"], third.digest]).toEqual(["reused", first.digest]);
      expect(readdirSync(join(person.home, "data/builds"))).toEqual([]);
    },
  );
});

describe("files that other tools read", () => {
  const tools = needs("skopeo", "umoci");
  it.skipIf(tools.skip)(`a layout: umoci unpacks it, skopeo copies it${tools.note}`, async () => {
    const built = await buildJson(person, ["outputs/layout", ...args, "--output", `oci:${directory}/layout`]);
    const umoci = ["unpack", "--rootless", "--image"];
    const names = execFileSync("umoci", ["list", "--layout", join(directory, "layout")], { encoding: "utf8" });
    expect(names).toBe("index.docker.io/outputs/layout:latest\n");
    execFileSync("umoci", [...umoci, `${directory}/layout:${names.trim()}`, join(directory, "bundle")]);
    expect(readFileSync(join(directory, "bundle/rootfs/workspace/build.sh"), "utf8")).toBe(buildScript);
    const raw = execFileSync("skopeo", ["inspect", `oci:${directory}/layout:${names.trim()}`], { encoding: "utf8" });
    expect((JSON.parse(raw) as { readonly Digest: string }).Digest).toBe(built.digest);
  });

  const docker = needs("docker");
  const canDocker = canStartEngine("dockerd") && !docker.skip;
  it.skipIf(!canDocker)(`a Docker archive: docker load and podman load${docker.note}`, async () => {
    const file = join(directory, "app.tar");
    await buildJson(person, ["outputs/archive:v1", ...args, "--output", `docker-archive:${file}`]);
    expect(readdirSync(directory).filter((name) => name.includes("partial"))).toEqual([]);
    const engine = await startDockerEngine();
    if (engine === undefined) throw new Error("no Docker can be started here");
    try {
      const host = ["--host", `unix://${engine.socket}`];
      const said = execFileSync("docker", [...host, "load", "--input", file], { encoding: "utf8" });
      expect(said).toContain("Loaded image: outputs/archive:v1");
      const saved = execFileSync("docker", [...host, "save", "outputs/archive:v1"], { maxBuffer: 1e9 });
      writeFileSync(join(directory, "saved.tar"), saved);
      const imported = await succeed(person, ["images", "import", join(directory, "saved.tar"), "--json"]);
      expect(JSON.parse(imported.stdout)).toMatchObject([{ names: ["outputs/archive:v1"] }]);
    } finally {
      await engine.close();
    }
  });

  const podman = needs("podman");
  it.skipIf(podman.skip || !canStartEngine("podman"))(`both archives: podman load${podman.note}`, async () => {
    const place = ["--root", join(directory, "podman/data"), "--runroot", join(directory, "podman/run")];
    for (const kind of ["oci-archive", "docker-archive"]) {
      const file = join(directory, `${kind}.tar`);
      await buildJson(person, [`outputs/${kind}`, ...args, "--output", `${kind}:${file}`]);
      const said = execFileSync("podman", [...place, "load", "--quiet", "--input", file], { encoding: "utf8" });
      expect(said).toContain(`outputs/${kind}:latest`);
    }
  });

  it("paths that can not be written are refused before anything is built", async () => {
    mkdirSync(join(directory, "full"));
    writeFileSync(join(directory, "full/file"), "");
    for (const output of [`oci:${directory}/full`, `oci:${directory}/full/file`, `oci-archive:${directory}/full`]) {
      const { code, stderr } = await tspack(person, ["build", "outputs/no", ...args, "--output", output]);
      expect([code, stderr]).toEqual([3, expect.stringContaining("the image can not be written there")]);
      expect(stderr).not.toContain("ANALYZING");
    }
    expect(statSync(join(directory, "full/file")).size).toBe(0);
  });
});

describe("caches", () => {
  const cached = (log: string): readonly string[] => log.match(/(image|kept) is (known|here)/g) ?? [];

  it("in a directory, in one with a name, and none", async () => {
    const bind = join(directory, "cache");
    const build = async (...more: readonly string[]): Promise<readonly string[]> => {
      await tspack(person, ["images", "rm", "outputs/cached"]);
      const { stdout } = await succeed(person, ["build", "outputs/cached", ...args, "--json", ...more]);
      return cached(stdout);
    };
    const directoryCache = ["--cache", `type=build;format=bind;source=${bind}`];
    expect(await build(...directoryCache)).toEqual([]);
    expect(readdirSync(bind)).toEqual(["build-cache"]);
    expect(await build(...directoryCache)).toEqual(["kept is known", "kept is here"]);
    // The home may be that of an earlier run.
    await succeed(person, ["cache", "prune", "--all", "--only", "build"]);
    expect(await build("--cache", "type=build;format=volume;name=shared")).toEqual([]);
    expect(await build("--cache", "type=build;format=volume;name=shared")).toHaveLength(2);
    expect(await build("--cache", "type=build;format=volume;name=shared", "--clear-cache")).toEqual([]);
    const { stdout } = await succeed(person, ["cache", "list"]);
    expect(stdout).toMatch(/build .* volume shared\n/);
  });

  const tools = needs("docker-registry");
  it.skipIf(tools.skip)(`in a registry${tools.note}`, async () => {
    const registry = await startDockerRegistry();
    try {
      const publish = [...args, "--publish", "--cache-image", `${registry.host}/cache:app`];
      await buildJson(person, [`${registry.host}/one`, ...publish]);
      const { stdout } = await succeed(person, ["build", `${registry.host}/two`, ...publish, "--json"]);
      expect(cached(stdout)).toEqual(["kept is known", "kept is here"]);
    } finally {
      await registry.close();
    }
  });
});
