import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { editContainer, mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection, type EngineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { type EngineStore, engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { layoutDirectoryStore } from "../../lifecycle/stores/layout/layout-directory.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeEngine, startFakeEngine } from "../fakes/engine.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { type PhaseOptions, runPhase } from "./run-phase.ts";

// Image extensions where images are in a container engine, and where they are OCI layouts.
let builder: Fixture;
let registry: FakeRegistry;
let output: string;

const order = `[[order]]
[[order.group]]
id = "a"
version = "1.0.0"
[[order-extensions]]
[[order-extensions.group]]
id = "x"
version = "1.0.0"
`;

beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  for (const name of ["kaniko", "home", "repo"]) mkdirSync(join(builder.dir, name));
  builder.write("run.toml", `[[images]]\nimage = "${named("run")}"\nmirrors = ["mirror.test/run"]\n`);
  builder.write("launcher", "launcher");
  builder.write("order.toml", order);
  builder.add({ id: "a", detect: `printf '[[requires]]\\nname = "curl"\\n' > "$2"`, build: "true" });
});
afterEach(async () => {
  await registry.close();
  builder.remove();
});

const named = (name: string): string => `${registry.host}/${name}:v1`;
const file = (path: string): string => readFileSync(join(builder.dir, path), "utf8");
const images = (): readonly (readonly [string, Image])[] =>
  ["run", "other"].map((name, index) => [
    named(name),
    mutate(
      testImage({ layers: [tarOfNoise(600, index + 1)] }),
      editContainer((config) => ({ ...config, User: "1000:1000" })),
      setLabels({ name }),
    ),
  ]);

function extension(runDockerfile: string): void {
  const root = "extensions/x/1.0.0";
  builder.write(`${root}/extension.toml`, 'api = "0.10"\n[extension]\nid = "x"\nversion = "1.0.0"\n');
  builder.write(`${root}/detect/plan.toml`, '[[provides]]\nname = "curl"\n');
  builder.write(`${root}/generate/run.Dockerfile`, runDockerfile);
}

async function phases(steps: readonly (readonly [string, ...(readonly string[])])[], options: PhaseOptions) {
  for (const [name, ...argv] of steps) {
    const ended = await runPhase(builder, name, argv, options);
    output = ended.output;
    expect([name, ended.code], output).toEqual([name, 0]);
  }
}

const launcher = (): readonly string[] => ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000"];

describe("with a container engine", () => {
  let engine: FakeEngine;
  let connection: EngineConnection;
  let store: EngineStore;
  let options: PhaseOptions;

  beforeEach(async () => {
    engine = await startFakeEngine();
    connection = engineConnection({ kind: "unix", path: engine.socket });
    mkdirSync(join(builder.dir, "saved"));
    store = engineStore({ engine: connection, directory: () => join(builder.dir, "saved") });
    options = { env: { DOCKER_HOST: `unix://${engine.socket}`, CNB_USE_DAEMON: "true" } };
    for (const [name, image] of images()) {
      const { digest } = await registryStore().write(image, [parseReference(name)]);
      await store.write(image, [parseReference(name)]);
      engine.pulled(name, `${name.replace(/:v1$/, "")}@${digest}`);
    }
  });
  afterEach(async () => {
    await connection.close();
    await engine.close();
  });

  async function app() {
    const config = await (await store.resolve(parseReference(`${registry.host}/app`)))?.config();
    const run = await store.resolve(parseReference(named("run")));
    const label = config?.value.config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}";
    return { config: config?.value, run, runImage: (JSON.parse(label) as { runImage: object }).runImage };
  }

  test("an extended run image gives its config, and the label names the engine's image and the mirrors", async () => {
    extension("FROM ${base_image}\nARG user_id\nUSER ${user_id}\nENV GREETING=hello");
    await phases(
      [
        ["analyzer", "-run-image", named("run"), `${registry.host}/app`],
        ["detector"],
        ["restorer"],
        ["extender", "-kind", "run"],
        ["builder"],
        ["exporter", ...launcher(), `${registry.host}/app`],
      ],
      options,
    );
    const { config, run, runImage } = await app();
    expect(config?.config?.Env).toContain("GREETING=hello");
    expect(config?.config?.Labels).toMatchObject({ "io.buildpacks.rebasable": "false" });
    const top = (await run?.config())?.value.rootfs.diff_ids.at(-1);
    expect(runImage).toEqual({
      topLayer: top,
      reference: run?.engineId?.replace("sha256:", ""),
      image: named("run"),
      mirrors: ["mirror.test/run"],
    });
  });

  test("a switched run image is taken from the engine, and nothing is pulled", async () => {
    extension(`FROM ${named("other")}`);
    await phases(
      [
        ["analyzer", "-run-image", named("run"), `${registry.host}/app`],
        ["detector"],
        ["restorer"],
        ["builder"],
        ["exporter", ...launcher(), `${registry.host}/app`],
      ],
      options,
    );
    const { config, runImage } = await app();
    const other = await store.resolve(parseReference(named("other")));
    expect(config?.rootfs.diff_ids[0]).toBe((await other?.config())?.value.rootfs.diff_ids[0]);
    expect(runImage).toMatchObject({ image: named("other"), reference: other?.engineId?.replace("sha256:", "") });
    expect(existsSync(join(builder.dir, "kaniko/cache"))).toBe(false);
  });
});

describe("with OCI layouts", () => {
  const options = (): PhaseOptions => ({
    env: {
      CNB_EXPERIMENTAL_MODE: "quiet",
      CNB_USE_LAYOUT: "true",
      CNB_LAYOUT_DIR: join(builder.dir, "repo"),
    },
  });
  const layouts = () => layoutDirectoryStore(join(builder.dir, "repo"));

  beforeEach(async () => {
    for (const [name, image] of images()) await layouts().write(image, [parseReference(name)]);
  });

  async function built(steps: readonly (readonly [string, ...(readonly string[])])[]) {
    await phases(
      [
        ["analyzer", "-run-image", named("run"), `${registry.host}/app`],
        ["detector"],
        ["restorer"],
        ...steps,
        ["builder"],
        ["exporter", ...launcher(), `${registry.host}/app`],
      ],
      options(),
    );
    return (await (await layouts().resolve(parseReference(`${registry.host}/app`)))?.config())?.value;
  }

  test("a switched run image is that of the layout directory", async () => {
    extension(`FROM ${named("other")}`);
    const config = await built([]);
    const other = await layouts().resolve(parseReference(named("other")));
    expect(config?.config?.Labels?.["name"]).toBe("other");
    expect(file("layers/analyzed.toml")).toContain(
      `reference = "${join(builder.dir, "repo", registry.host, "other/v1")}@${(await other?.manifest())?.digest}"`,
    );
    expect(readdirSync(join(builder.dir, "kaniko"))).toEqual([]);
  });

  test("a run image is extended there, too", async () => {
    extension("FROM ${base_image}\nARG user_id\nUSER ${user_id}\nENV GREETING=hello");
    const config = await built([["extender", "-kind", "run"]]);
    expect(config?.config?.Env).toContain("GREETING=hello");
    expect(config?.config?.Labels).toMatchObject({ name: "run", "io.buildpacks.rebasable": "false" });
  });
});
