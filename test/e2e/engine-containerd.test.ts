import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { appendLayers, mutate } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { tarOfNoise } from "../fakes/images.ts";
import { canStartEngine, startContainerdEngine, type TestEngine } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder, storeContext } from "./scripted-builder.ts";
import { buildJson, leftovers, needs, type Person, removeAll, scratchDirectory, self, succeed } from "./tspack.ts";

const { skip, note } = needs("mmdebstrap", "docker-registry", "skopeo", "unshare");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");

const build = `mkdir -p "$CNB_LAYERS_DIR/data"
if [ -f "$CNB_LAYERS_DIR/data/file" ]; then echo kept from the last build; fi
echo data > "$CNB_LAYERS_DIR/data/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/data.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["ls"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
`;

describe.skipIf(skip || !canStart)(`Docker with containerd's image store (needs root, dockerd)${note}`, () => {
  let person: Person;
  let engine: TestEngine;
  let registry: DockerRegistry;
  let directory = "";
  let env: Readonly<Record<string, string>> = {};
  let args: readonly string[] = [];

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("engine-containerd");
    await makeScriptedBuilder(person, join(directory, "builder"));
    const app = scriptedApp(join(directory, "app"), { build });
    args = ["--path", app, "--builder", scriptedBuilder, "--network", "host"];
    registry = await startDockerRegistry();
    const started = await startContainerdEngine();
    if (started === undefined) throw new Error("no such engine can be started here");
    engine = started;
    env = { DOCKER_HOST: `unix://${engine.socket}` };
    const copy = ["copy", "-q", "--insecure-policy", "--dest-tls-verify=false"];
    const run = `oci:${person.home}/data/images:tspack.local/run:bookworm`;
    execFileSync("skopeo", [...copy, run, `docker://${registry.host}/run:1`]);
  });
  afterAll(async () => {
    await engine?.close();
    await registry?.close();
    removeAll(directory);
  });

  const ask = async (path: string): Promise<unknown> => {
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      return await connection.json({ method: "GET", path });
    } finally {
      await connection.close();
    }
  };
  /** A run image with one more layer; returns the layer. */
  const nextRunImage = async (): Promise<string> => {
    const store = layoutStore(join(person.home, "data/images"));
    const run = await store.resolve(parseReference("tspack.local/run:bookworm"));
    if (run === undefined) throw new Error("there is no default run image");
    const layer = memoryLayer(tarOfNoise(10_000, 7));
    const next = mutate(run, appendLayers([{ layer, history: { created_by: "next" } }]));
    await store.write(next, [parseReference("tspack.local/run:next")], { ctx: storeContext });
    return layer.diffId;
  };
  const inEngine = (name: string, ...more: readonly string[]): ReturnType<typeof buildJson> =>
    buildJson(person, [name, ...args, "--runner", "engine", "--output", "engine", ...more], { env });
  const published = (tag: string, ...more: readonly string[]): ReturnType<typeof buildJson> => {
    const run = ["--publish", "--run-image", `${registry.host}/run:1`];
    return buildJson(person, [`${registry.host}/app:${tag}`, ...args, ...run, ...more], { env });
  };
  const made = ({ layers }: Awaited<ReturnType<typeof inEngine>>): readonly string[] =>
    layers.filter(({ action }) => action === "new").map(({ layer }) => layer);

  it("is what this engine has", async () => {
    const { DriverStatus: status } = (await ask("/info")) as { readonly DriverStatus: unknown };
    expect(status).toContainEqual(["driver-type", "io.containerd.snapshotter.v1"]);
  });

  it("has the image of five containers, of the creator and of the sandbox, and gives it back to the next build", async () => {
    const first = await inEngine("e2e/five");
    const image = (await ask("/images/e2e/five/json")) as { readonly Id: string; readonly RootFS: object };
    expect(image.Id).toBe(first.digest);
    const again = await inEngine("e2e/five");
    expect(again.log).toContain("kept from the last build");
    expect([again.digest, made(again)]).toEqual([first.digest, []]);
    const creator = await inEngine("e2e/five", "--trust-builder", "--clear-cache");
    expect(creator.digest).toBe(first.digest);
    const sandboxed = ["e2e/sandboxed", ...args.slice(0, 4), "--runner", "sandbox", "--output", "engine"];
    const outside = await buildJson(person, sandboxed, { env });
    // Its ID is another one: layers are sent compressed, and the run image is known by its digest. The layers are not.
    const sandboxImage = (await ask("/images/e2e/sandboxed/json")) as { readonly Id: string; readonly RootFS: object };
    expect(sandboxImage).toMatchObject({ Id: outside.digest, RootFS: image.RootFS });
    expect(made(await buildJson(person, sandboxed, { env }))).toEqual([]);
    expect(await ask("/containers/json?all=1")).toEqual([]);
    expect(leftovers(person)).toEqual([]);
  });

  it("publishes the sandbox's image, from containers and with the phases outside", async () => {
    const sandbox = await published("sandbox", "--runner", "sandbox");
    const five = await published("five", "--runner", "engine");
    const creator = await published("creator", "--runner", "engine", "--trust-builder");
    expect([five.digest, creator.digest]).toEqual([sandbox.digest, sandbox.digest]);
    const local = await buildJson(person, ["e2e/local", ...args, "--runner", "engine"], { env });
    const here = await buildJson(person, ["e2e/local", ...args, "--runner", "sandbox"]);
    expect(local.digest).toBe(here.digest);
  });

  it("keeps the layers of an image when it gets another base, and takes a run image from a registry", async () => {
    const named = ["--run-image", `${registry.host}/run:1`];
    const first = await inEngine("e2e/based", ...named);
    const again = await inEngine("e2e/based", ...named, "--pull-policy", "if-not-present");
    expect([again.digest, made(again)]).toEqual([first.digest, []]);
    const { RootFS: before } = (await ask("/images/e2e/based/json")) as {
      readonly RootFS: { readonly Layers: readonly string[] };
    };
    const added = await nextRunImage();
    const rebase = ["rebase", "e2e/based", "--output", "engine", "--run-image", "tspack.local/run:next"];
    expect((await succeed(person, rebase, { env })).stdout).toContain("Rebased e2e/based");
    const { RootFS: after } = (await ask("/images/e2e/based/json")) as {
      readonly RootFS: { readonly Layers: readonly string[] };
    };
    expect(after.Layers).toHaveLength(before.Layers.length + 1);
    expect(after.Layers.filter((layer) => layer !== added)).toEqual(before.Layers);
    expect((await succeed(person, ["inspect", "e2e/based"], { env })).stdout).toContain("test/scripted");
  });
});
