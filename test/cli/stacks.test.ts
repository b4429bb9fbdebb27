import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { runPhase } from "./run-phase.ts";

// Stacks: what Platform APIs below 0.12 have instead of run.toml and targets.
let builder: Fixture;
let far: FakeRegistry;
let near: FakeRegistry;
let store: RegistryStore;
const file = (path: string): string => readFileSync(join(builder.dir, path), "utf8");

beforeEach(async () => {
  builder = fixture();
  [far, near] = await Promise.all([startFakeRegistry(), startFakeRegistry()]);
  store = registryStore({ keychain: { resolve: () => Promise.resolve(undefined) } });
  const base = stackImage(1, "the.stack", ["mixin-a", "run:mixin-b"]);
  for (const { host } of [far, near]) await store.write(base, [parseReference(`${host}/run`)]);
  mkdirSync(join(builder.dir, "home"));
  builder.write("launcher", "launcher");
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
  builder.write("stack.toml", `[run-image]\nimage = "${far.host}/run"\nmirrors = ["${near.host}/run"]\n`);
  builder.add({
    id: "a",
    tables: '[[stacks]]\nid = "another.stack"\nmixins = ["build:x", "run:y", "z"]',
    build: 'echo "$CNB_STACK_ID" > "$CNB_LAYERS_DIR/../stack-id"',
  });
});
afterEach(async () => {
  await Promise.all([far.close(), near.close()]);
  builder.remove();
});

function stackImage(seed: number, id: string, mixins: readonly string[]) {
  const labels = { "io.buildpacks.stack.id": id, "io.buildpacks.stack.mixins": JSON.stringify(mixins) };
  return mutate(testImage({ layers: [tarOfNoise(600, seed)] }), setLabels(labels));
}

async function phase(name: string, ...argv: readonly string[]) {
  const env = { CNB_STACK_PATH: join(builder.dir, "stack.toml"), CNB_STACK_ID: "the.stack" };
  return runPhase(builder, name, argv, { api: "0.11", env });
}

async function build(): Promise<string> {
  const app = `${near.host}/app`;
  for (const [name, ...argv] of [
    ["analyzer", app],
    ["detector"],
    ["restorer"],
    ["builder"],
    ["exporter", "-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000", app],
  ] as const) {
    const { code, output } = await phase(name, ...argv);
    expect([name, code], output).toEqual([name, 0]);
  }
  return app;
}

const labelsOf = async (name: string) =>
  (await (await store.resolve(parseReference(name)))?.config())?.value.config?.Labels ?? {};

describe("a build on a stack", () => {
  test("takes the mirror in the app's registry, and the label names all", async () => {
    const labels = await labelsOf(await build());
    expect(file("layers/analyzed.toml")).toContain(`reference = "${near.host}/run@sha256:`);
    const metadata = JSON.parse(labels["io.buildpacks.lifecycle.metadata"] ?? "{}") as { readonly stack?: unknown };
    expect(metadata.stack).toEqual({ runImage: { image: `${far.host}/run`, mirrors: [`${near.host}/run`] } });
  });

  test("keeps the run image's stack and mixins; buildpacks see the stack's name, and their own list is not compared", async () => {
    const labels = await labelsOf(await build());
    expect(labels).toMatchObject({
      "io.buildpacks.stack.id": "the.stack",
      "io.buildpacks.stack.mixins": '["mixin-a","run:mixin-b"]',
    });
    expect(file("layers/stack-id")).toBe("the.stack\n");
  });

  test("needs a run image in stack.toml or a flag", async () => {
    builder.write("stack.toml", "");
    const { code, output } = await phase("analyzer", `${near.host}/app`);
    expect(code).toBe(3);
    expect(output).toContain("failed to resolve inputs: missing run image metadata (-run-image)");
  });
});

describe("a rebase of such an app", () => {
  test.each([
    ["another stack", "other", ["mixin-a"], "incompatible stack: 'other' is not compatible with 'the.stack'"],
    ["fewer mixins", "the.stack", ["run:mixin-a"], "missing required mixin(s): mixin-b"],
  ])("onto %s is refused", async (_, id, mixins, message) => {
    const app = await build();
    await store.write(stackImage(2, id, mixins), [parseReference(`${near.host}/run`)]);
    const { code, output } = await phase("rebaser", app);
    expect([code, output]).toEqual([72, expect.stringContaining(`failed to rebase: ${message}`)]);
  });

  test("onto more mixins is done, and the labels are the new base's", async () => {
    const app = await build();
    await store.write(stackImage(2, "the.stack", ["mixin-b", "mixin-a", "c"]), [parseReference(`${near.host}/run`)]);
    const { code, output } = await phase("rebaser", app);
    expect(code, output).toBe(0);
    expect((await labelsOf(app))["io.buildpacks.stack.mixins"]).toBe('["mixin-b","mixin-a","c"]');
  });
});
