import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { type PhaseOptions, runPhase } from "./run-phase.ts";

// Phase after phase as a platform runs them: only flags, files and a registry connect them.
let builder: Fixture;
let registry: FakeRegistry;
let store: RegistryStore;
let output: string;

beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  store = registryStore({ keychain: { resolve: () => Promise.resolve(undefined) } });
  for (const [index, name] of ["run", "other", "build"].entries()) {
    await store.write(testImage({ layers: [tarOfNoise(600, index + 1)] }), [
      parseReference(`${registry.host}/${name}:v1`),
    ]);
  }
  for (const name of ["kaniko", "home"]) mkdirSync(join(builder.dir, name));
  builder.write("run.toml", `[[images]]\nimage = "${registry.host}/run:v1"\n`);
  builder.write("launcher", "launcher");
  builder.write("order.toml", order);
  builder.add({
    id: "a",
    detect: `printf '[[requires]]\\nname = "curl"\\n' > "$2"`,
    build: 'env > "$CNB_LAYERS_DIR/../build-env"',
  });
});
afterEach(async () => {
  await registry.close();
  builder.remove();
});

const order = `[[order]]
[[order.group]]
id = "a"
version = "1.0.0"
[[order-extensions]]
[[order-extensions.group]]
id = "x"
version = "1.0.0"
`;

function extension(files: Readonly<Record<string, string>>): void {
  const root = "extensions/x/1.0.0";
  builder.write(`${root}/extension.toml`, 'api = "0.10"\n[extension]\nid = "x"\nversion = "1.0.0"\n');
  builder.write(`${root}/detect/plan.toml`, '[[provides]]\nname = "curl"\n');
  for (const [name, text] of Object.entries(files)) builder.write(`${root}/generate/${name}`, text);
}

function generating(script: string): void {
  extension({});
  builder.write("extensions/x/1.0.0/bin/generate", `#!/bin/sh\n${script}\n`);
  chmodSync(join(builder.dir, "extensions/x/1.0.0/bin/generate"), 0o755);
}

async function phase(name: string, argv: readonly string[], options: PhaseOptions = {}): Promise<number> {
  const ended = await runPhase(builder, name, argv, options);
  output = ended.output;
  return ended.code;
}

const file = (path: string): string => readFileSync(join(builder.dir, path), "utf8");
const named = (name: string): string => `${registry.host}/${name}`;
const kept = (): readonly string[] => {
  const directory = join(builder.dir, "kaniko/cache/base");
  return existsSync(directory) ? readdirSync(directory) : [];
};

async function digestOf(name: string): Promise<string> {
  return (await (await store.resolve(parseReference(`${named(name)}:v1`)))?.manifest())?.digest ?? "";
}

async function detected(options: PhaseOptions = {}): Promise<void> {
  expect([await phase("analyzer", ["-run-image", `${named("run")}:v1`, named("app")], options), output]).toEqual([
    0,
    output,
  ]);
  expect([await phase("detector", [], options), output]).toEqual([0, output]);
}

async function exported(options: PhaseOptions = {}) {
  const flags = ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000"];
  expect([await phase("exporter", [...flags, named("app")], options), output]).toEqual([0, output]);
  const config = await (await store.resolve(parseReference(named("app"))))?.config();
  return config?.value;
}

describe("a build with an extension", () => {
  test("that extends both images goes from phase to phase", async () => {
    extension({
      "run.Dockerfile": "FROM ${base_image}\nENV GREETING=hello\nLABEL io.buildpacks.rebasable=true",
      "build.Dockerfile": "ARG base_image\nFROM ${base_image}\nENV CPATH=/from/extension",
    });
    await detected();
    expect(file("layers/plan.toml")).toBe("");
    expect(file("layers/analyzed.toml")).toContain("extend = true");
    expect(await phase("restorer", ["-build-image", `${named("build")}:v1`])).toBe(0);
    const [run, build] = [await digestOf("run"), await digestOf("build")];
    expect(kept().toSorted()).toEqual([run, build].toSorted());
    expect(file("layers/analyzed.toml")).toContain(`[build-image]\n  reference = "${named("build")}@${build}"`);
    expect(await phase("extender", ["-kind", "run"])).toBe(0);
    expect([await phase("extender", ["-kind", "build"]), output]).toEqual([0, output]);
    expect(file("layers/build-env")).toContain("CPATH=/from/extension\n");
    const config = await exported();
    expect(config?.config?.Env).toContain("GREETING=hello");
    expect(config?.config?.Labels).toMatchObject({ "io.buildpacks.rebasable": "true" });
    expect(config?.config?.Labels?.["io.buildpacks.lifecycle.metadata"]).toContain(
      `"reference":"${named("run")}@${run}"`,
    );
  });

  test("that switches the run image ends on that image, which the label names", async () => {
    extension({ "run.Dockerfile": `FROM ${named("other")}:v1` });
    await detected();
    expect(output).toContain(`Warning: new runtime base image '${named("other")}:v1' not found in run metadata`);
    expect(await phase("restorer", [])).toBe(0);
    expect(kept()).toEqual([]);
    expect(file("layers/analyzed.toml")).toContain(`reference = "${named("other")}@${await digestOf("other")}"`);
    expect(await phase("builder", [])).toBe(0);
    const config = await exported();
    const other = await (await store.resolve(parseReference(`${named("other")}:v1`)))?.config();
    expect(config?.rootfs.diff_ids[0]).toBe(other?.value.rootfs.diff_ids[0]);
    expect(config?.config?.Labels?.["io.buildpacks.lifecycle.metadata"]).toContain(`"image":"${named("other")}:v1"`);
  });

  test("leaves nothing of an earlier build in the extender's output", async () => {
    extension({ "run.Dockerfile": "FROM ${base_image}\nENV A=b" });
    await detected();
    await phase("restorer", []);
    mkdirSync(join(builder.dir, "layers/extended/run/old"), { recursive: true });
    expect(await phase("extender", ["-kind", "run"])).toBe(0);
    expect(readdirSync(join(builder.dir, "layers/extended/run"))).toEqual([expect.stringMatching(/^sha256:/)]);
  });
});

describe("exit codes", () => {
  test("91 when an extension fails, 92 when its output is no good", async () => {
    generating("exit 3");
    expect(await phase("detector", [])).toBe(91);
    expect(output).toContain("ERROR: failed to build: exit status 3");
    generating('echo "RUN true" > "$1/run.Dockerfile"');
    expect(await phase("detector", [])).toBe(92);
    expect(output).toContain("ERROR: failed to build: failed to parse run.Dockerfile for extension x: ");
  });

  test("102 for what the extender cannot do, with every line", async () => {
    extension({ "run.Dockerfile": "FROM ${base_image}\nRUN true" });
    await detected();
    expect(await phase("extender", ["-kind", "run"])).toBe(102);
    expect(output).toMatch(/^ERROR: failed to extend run image: applying Dockerfile to image: .* RUN$/m);
    expect(output).toMatch(/generated\/x\/run\.Dockerfile:2 .*got RUN$/m);
  });

  test("102 when the restorer has not kept the image, and 3 for another kind or an argument", async () => {
    extension({ "run.Dockerfile": "FROM ${base_image}\nENV A=b" });
    await detected();
    expect(await phase("extender", ["-kind", "run"])).toBe(102);
    expect(output).toContain("failed to extend run image: getting run image to extend: ");
    expect(await phase("extender", ["-kind", "cache"])).toBe(3);
    expect(await phase("extender", ["image"])).toBe(3);
    expect(output).toContain("failed to parse arguments: received unexpected arguments");
  });

  test("1 when an extended run image is missing or is not the only one", async () => {
    extension({ "run.Dockerfile": "FROM ${base_image}\nENV A=b" });
    await detected();
    await phase("restorer", []);
    await phase("builder", []);
    const flags = ["-launcher", join(builder.dir, "launcher"), named("app")];
    expect(await phase("exporter", flags)).toBe(1);
    expect(output).toContain("failed to get extended image config: missing extended run image");
    for (const name of ["a", "b"]) mkdirSync(join(builder.dir, "layers/extended/run", name), { recursive: true });
    expect(await phase("exporter", flags)).toBe(1);
    expect(output).toContain("to have only 1 item");
  });

  test("22 for the creator", async () => {
    extension({});
    expect(await phase("creator", ["-launcher", join(builder.dir, "launcher"), named("app")])).toBe(22);
    expect(output).toContain("detected order contains extensions which is not supported by the creator");
  });

  test("1 below Platform API 0.13, unless the platform allows experiments", async () => {
    extension({ "run.Dockerfile": "FROM ${base_image}\nENV A=b" });
    expect(await phase("detector", [], { api: "0.12" })).toBe(1);
    expect(output).toContain("Platform requested experimental feature 'Dockerfiles'");
    const allowed = { api: "0.12", env: { CNB_EXPERIMENTAL_MODE: "warn" } };
    expect(await phase("detector", [], allowed)).toBe(0);
    expect(output).toContain("Warning: Platform requested experimental feature 'Dockerfiles'");
    expect(file("layers/generated/run/x/Dockerfile")).toBe("FROM ${base_image}\nENV A=b");
    await detected(allowed);
    for (const [name, ...argv] of [["restorer"], ["extender", "-kind", "run"], ["builder"]] as const) {
      expect(await phase(name, argv, allowed)).toBe(0);
    }
    const flags = ["-launcher", join(builder.dir, "launcher"), named("app")];
    expect(await phase("exporter", flags, { api: "0.12" })).toBe(1);
    expect((await exported(allowed))?.config?.Env).toContain("A=b");
  });
});
