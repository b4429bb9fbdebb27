import * as zlib from "node:zlib";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { runPhase } from "./run-phase.ts";

let builder: Fixture;
let registry: FakeRegistry;
let store: RegistryStore;
const named = (name: string) => parseReference(`${registry.host}/${name}`);

beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  store = registryStore({ keychain: { resolve: () => Promise.resolve(undefined) } });
  await store.write(testImage({ layers: [tarOfNoise(600, 1)] }), [named("run")]);
  mkdirSync(join(builder.dir, "home"));
  builder.write("launcher", "launcher");
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
  const layer = 'mkdir -p "$1/l"; date +%N > "$1/l/time"; printf "[types]\\ncache = true\\n" > "$1/l.toml"';
  builder.add({ id: "a", build: layer });
});
afterEach(async () => {
  await registry.close();
  builder.remove();
});

async function create(api: string): Promise<string> {
  const cache = named("cache");
  const flags = ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000"];
  const images = ["-run-image", named("run").original, "-cache-image", cache.original, named("app").original];
  const { code, output } = await runPhase(builder, "creator", [...flags, ...images], { api });
  expect(code, output).toBe(0);
  return (await (await store.resolve(cache))?.manifest())?.digest ?? "";
}

test.each([
  ["0.12", "goes", false],
  ["0.13", "stays", true],
] as const)("at Platform API %s the cache image of the last build %s", async (api, _, stays) => {
  const first = await create(api);
  const second = await create(api);
  expect(second).not.toBe(first);
  const old = parseReference(`${registry.host}/cache@${first}`);
  expect((await store.resolve(old)) !== undefined).toBe(stays);
});

test.each([
  ["after the app image", [], {}, false],
  ["while the app image is, with -parallel", ["-parallel"], {}, true],
  ["while the app image is, with CNB_PARALLEL_EXPORT", [], { CNB_PARALLEL_EXPORT: "true" }, true],
] as const)("the cache is written %s", async (_, more, env, before) => {
  mkdirSync(join(builder.dir, "cache"));
  const flags = ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000", ...more];
  const images = ["-run-image", named("run").original, "-cache-dir", join(builder.dir, "cache"), named("app").original];
  const { code, output } = await runPhase(builder, "creator", [...flags, ...images], { env });
  expect(code, output).toBe(0);
  expect(output.indexOf("Adding cache layer 'a:l'") < output.indexOf("*** Images"), output).toBe(before);
});

async function appLayers(name: string, more: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const flags = ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000", ...more];
  const images = ["-run-image", named("run").original, named(name).original];
  const { code, output } = await runPhase(builder, "creator", [...flags, ...images], { env });
  const image = await store.resolve(named(name));
  const layers = (await image?.manifest())?.value.layers.slice(1) ?? [];
  return {
    code,
    output,
    bytes: layers.reduce((sum, { size }) => sum + size, 0),
    types: [...new Set(layers.map(({ mediaType }) => mediaType))],
    diffIds: (await image?.config())?.value.rootfs.diff_ids,
  };
}

test("-compression-level changes the size of layers and not what they are", async () => {
  builder.write("app/page.html", Array.from({ length: 5000 }, (_, line) => `line ${line} of the page\n`).join(""));
  const most = await appLayers("small", ["-compression-level", "9"]);
  const none = await appLayers("large", [], { TSPACK_COMPRESSION_LEVEL: "0" });
  expect(none.bytes).toBeGreaterThan(3 * most.bytes);
  expect(none.diffIds).toEqual(most.diffIds);
});

const hasZstd = "zstdCompress" in zlib;

test.runIf(hasZstd)("-compression zstd changes the blobs and their media type, not what layers are", async () => {
  builder.write("app/page.html", "a line of the page\n".repeat(5000));
  const gzip = await appLayers("gzip", []);
  const zstd = await appLayers("zstd", ["-compression", "zstd"]);
  expect(zstd.diffIds).toEqual(gzip.diffIds);
  expect(gzip.types).toEqual(["application/vnd.oci.image.layer.v1.tar+gzip"]);
  expect(zstd.types).toEqual(["application/vnd.oci.image.layer.v1.tar+zstd"]);
});

test.skipIf(hasZstd)("-compression zstd on a Node without it says which Node has it", async () => {
  const { code, output } = await appLayers("zstd", ["-compression", "zstd"]);
  expect(code).toBe(1);
  expect(output).toContain("Node 22.15");
  expect(output).not.toContain("DETECTING");
});

test.each([
  ["-compression", "lz4"],
  ["-compression", "zstd", "-compression-level", "0"],
])("%s %s is refused", async (...flags) => {
  const { code, output } = await appLayers("app", flags);
  expect(code).toBe(3);
  expect(output).toContain("-compression (TSPACK_COMPRESSION)");
});

test("less memory than one layer takes is refused before anything runs, more gives the same layers", async () => {
  const { code, output } = await appLayers("app", ["-memory", "139"]);
  expect(code).toBe(3);
  expect(output).toContain("-memory (TSPACK_MEMORY)");
  expect(output).not.toContain("DETECTING");
  const least = await appLayers("least", ["-memory", "140"]);
  const more = await appLayers("more", [], { TSPACK_MEMORY: "1000" });
  expect(least.code).toBe(0);
  expect(more.diffIds).toEqual(least.diffIds);
});

test("a compression level that there is not is refused before anything runs", async () => {
  const { code, output } = await appLayers("app", ["-compression-level", "10"]);
  expect(code).toBe(3);
  expect(output).toContain("10 is no compression level");
  expect(output).not.toContain("DETECTING");
});
