import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type EngineConnection, engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { type EngineStore, engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { canStartEngine, startDockerEngine, startPodmanEngine, type TestEngine } from "./docker-engine.ts";
import { runImage, workspace, type Workspace } from "./engine-build.ts";
import { type Finished, removeAll, scratchDirectory } from "./tspack.ts";

// CI installs everything: there a missing program is a failure.
const isCi = process.env["CI"] !== undefined;
const engines = [
  ["Docker", "dockerd", startDockerEngine],
  ["Podman", "podman", startPodmanEngine],
] as const;

describe.each(engines)("-daemon with %s (needs root, docker-registry and %s)", (_name, program, start) => {
  const canRun = isCi || (canStartEngine(program) && isInstalled("docker-registry"));
  describe.skipIf(!canRun)("", () => engineTests(start));
});

function engineTests(start: () => Promise<TestEngine | undefined>): void {
  let registry: DockerRegistry;
  let engine: TestEngine;
  let connection: EngineConnection;
  let store: EngineStore;
  let directory = "";
  let place: Workspace;
  let env: Readonly<Record<string, string>> = {};
  const name = (rest: string): string => `${registry.host}/${rest}`;
  const inEngine = (rest: string): Promise<Image> => found(store, name(rest));
  const create = (args: readonly string[]): Promise<Finished> => {
    const launcher = ["-launcher", join(place.directory, "launcher"), "-cache-dir", join(place.directory, "cache")];
    return place.run("create", [...launcher, ...args], env);
  };
  const launchCache = (): string => join(place.directory, "launch-cache");

  beforeAll(async () => {
    directory = scratchDirectory("engine");
    mkdirSync(join(directory, "saved"));
    registry = await startDockerRegistry();
    const started = await start();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
    connection = engineConnection({ kind: "unix", path: engine.socket });
    store = engineStore({ engine: connection, directory: () => join(directory, "saved") });
    env = { DOCKER_HOST: `unix://${engine.socket}` };
    place = workspace(join(directory, "work"), { image: name("run:v1") });
    const registries = registryStore();
    for (const [tag, image] of [["v1", runImage(100, 2)] as const, ["v2", runImage(200, 3)] as const]) {
      await registries.write(image, [parseReference(name(`run:${tag}`))]);
      await store.write(image, [parseReference(name(`run:${tag}`))]);
    }
  });
  afterAll(async () => {
    await connection.close();
    await engine.close();
    await registry.close();
    removeAll(directory);
  });

  it("builds what it builds for a registry: the same layers, the same config but for the run image's reference", async () => {
    const toRegistry = await create([name("app:registry")]);
    expect(toRegistry).toMatchObject({ code: 0 });
    removeAll(join(place.directory, "cache"));
    mkdirSync(join(place.directory, "cache"));
    const toEngine = await create(["-daemon", "-tag", "elsewhere.test/app:tag", name("app:engine")]);
    expect(toEngine).toMatchObject({ code: 0 });
    const pushed = await configOf(await found(registryStore(), name("app:registry")));
    const loaded = await configOf(await inEngine("app:engine"));
    const same = (config: AppConfig): object => ({ ...config, rootfs: undefined, config: withoutReference(config) });
    // Each build made a layer of its own with the time in it.
    expect(loaded.rootfs.diff_ids).toHaveLength(pushed.rootfs.diff_ids.length);
    expect(loaded.rootfs.diff_ids.filter((id) => !pushed.rootfs.diff_ids.includes(id))).toHaveLength(1);
    expect(same(loaded)).toEqual(same(pushed));
    const tagged = await found(store, "elsewhere.test/app:tag");
    expect(tagged.engineId).toBe((await inEngine("app:engine")).engineId);
  });

  it("names images by their IDs in analyzed.toml, report.toml and the label", async () => {
    const { engineId: run } = await inEngine("run:v1");
    const { engineId: app } = await inEngine("app:engine");
    expect(place.read("layers/analyzed.toml")).toContain(`[run-image]\n  reference = "${run?.slice(7)}"`);
    const report = place.read("layers/report.toml");
    expect(report).toContain(`image-id = "${app?.slice(7)}"`);
    expect(report).not.toContain("digest");
    expect(report).not.toContain("manifest-size");
    const metadata = labelOf(await configOf(await inEngine("app:engine")));
    expect(metadata.runImage.reference).toBe(run?.slice(7));
  });

  it("takes a layer that the buildpack kept from the previous image", async () => {
    const before = keptOf(await configOf(await inEngine("app:engine")));
    place.write("app/file", "2");
    const again = await create(["-daemon", name("app:engine")]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain("kept is there");
    expect(again.stdout).toContain("Reusing layer 'test:kept'");
    const image = await inEngine("app:engine");
    expect(keptOf(await configOf(image))).toBe(before);
    expect((await image.layers()).map(({ diffId }) => diffId)).toContain(before);
  });

  it("fills the launch cache, and reads kept layers from it", async () => {
    const args = ["-daemon", "-launch-cache", launchCache(), name("app:engine")];
    place.write("app/file", "3");
    expect(await create(args)).toMatchObject({ code: 0 });
    const kept = keptOf(await configOf(await inEngine("app:engine")));
    const layers = (await inEngine("app:engine")).layers();
    const own = (await layers).slice(2).map(({ diffId }) => `${diffId}.tar`);
    const cached = readdirSync(join(launchCache(), "committed"));
    expect(cached.filter((file) => file.endsWith(".tar")).sort()).toEqual([...new Set(own)].sort());
    place.write("app/file", "4");
    expect(await create(args)).toMatchObject({ code: 0 });
    expect(keptOf(await configOf(await inEngine("app:engine")))).toBe(kept);
  });

  it.each(["0.7", "0.10", "0.13", "0.15"])("builds phase by phase with Platform API %s", async (api) => {
    removeAll(join(place.directory, "layers"));
    const image = name(`app:${api}`);
    const at = { ...env, CNB_PLATFORM_API: api, CNB_STACK_ID: "test", CNB_USE_DAEMON: "true" };
    const launcher = ["-launcher", join(place.directory, "launcher")];
    const cached = ["-launch-cache", launchCache()];
    const minor = Number(api.split(".")[1]);
    const analyze = [...(minor < 9 ? [] : cached), ...(minor < 12 ? ["-run-image", name("run:v1")] : []), image];
    for (const [phase, ...args] of [
      ["analyze", ...analyze],
      ["detect"],
      ["restore"],
      ["build"],
      ["export", ...launcher, ...cached, image],
    ]) {
      expect(await place.run(phase ?? "", args, at), phase ?? "").toMatchObject({ code: 0 });
    }
    const { rootfs } = await configOf(await inEngine(`app:${api}`));
    const kept = readdirSync(join(launchCache(), "committed"));
    for (const diffId of rootfs.diff_ids.slice(2)) expect(kept).toContain(`${diffId}.tar`);
    const base = (await configOf(await inEngine("run:v1"))).rootfs.diff_ids;
    expect(rootfs.diff_ids.slice(0, 2)).toEqual(base);
    expect(place.read("layers/report.toml")).toContain("image-id");
  });

  it("puts the app on another run image", async () => {
    const before = await configOf(await inEngine("app:engine"));
    const [report, force] = [join(place.directory, "layers/report.toml"), "-force"];
    const args = ["-daemon", force, "-report", report, "-run-image", name("run:v2"), name("app:engine")];
    expect(await place.run("rebase", args, env)).toMatchObject({ code: 0 });
    const after = await configOf(await inEngine("app:engine"));
    const base = await configOf(await inEngine("run:v2"));
    expect(after.rootfs.diff_ids).toEqual([...base.rootfs.diff_ids, ...before.rootfs.diff_ids.slice(2)]);
    const { engineId } = await inEngine("run:v2");
    expect(labelOf(after).runImage).toMatchObject({
      topLayer: base.rootfs.diff_ids.at(-1),
      reference: engineId?.slice(7),
    });
    expect(place.read("layers/report.toml")).toContain("image-id");
  });

  it("leaves nothing in the temporary directory", () => {
    expect(readdirSync(join(place.directory, "tmp"))).toEqual([]);
  });

  it("says that no engine answers, and what to do", async () => {
    const failed = await place.run("analyze", ["-daemon", name("app:engine")], { DOCKER_HOST: "unix:///nowhere.sock" });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("ERROR: failed to initialize docker client: no answer from the container engine");
    expect(failed.stdout).toContain("set DOCKER_HOST to its socket");
  });
}

interface AppConfig {
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

interface Label {
  readonly runImage: { readonly reference: string; readonly topLayer: string };
  readonly buildpacks: readonly {
    readonly layers: Readonly<Record<string, { readonly sha: string } | undefined>>;
  }[];
}

async function found(store: Pick<EngineStore, "resolve">, text: string): Promise<Image> {
  const image = await store.resolve(parseReference(text));
  if (image === undefined) throw new Error(`${text} is missing`);
  return image;
}

async function configOf(image: Image): Promise<AppConfig> {
  return JSON.parse(Buffer.from((await image.config()).bytes).toString()) as AppConfig;
}

function labelOf({ config }: AppConfig): Label {
  return JSON.parse(config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}") as Label;
}

function keptOf(config: AppConfig): string | undefined {
  return labelOf(config).buildpacks[0]?.layers["kept"]?.sha;
}

/** The container's part without what is different in every build. */
function withoutReference(config: AppConfig): object {
  const text = config.config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "";
  const plain = text.replace(labelOf(config).runImage.reference, "").replace(keptOf(config) ?? "", "");
  const labels = { ...config.config?.Labels, "io.buildpacks.lifecycle.metadata": plain };
  return { ...config.config, Labels: labels };
}
