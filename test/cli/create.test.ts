import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { type PhaseOptions, runPhase } from "./run-phase.ts";

let builder: Fixture;
let registry: FakeRegistry;
let store: RegistryStore;
beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  store = registryStore({ keychain: { resolve: () => Promise.resolve(undefined) } });
  for (const name of ["home", "cache"]) mkdirSync(join(builder.dir, name));
  await store.write(testImage({ layers: [tarOfNoise(600, 1)] }), [parseReference(`${registry.host}/run:v1`)]);
  builder.write("launcher", "launcher");
  builder.write("run.toml", `[[images]]\nimage = "${registry.host}/run:v1"\n`);
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
});
afterEach(async () => {
  await registry.close();
  builder.remove();
});

const named = (name: string): string => `${registry.host}/${name}`;

function create(flags: readonly string[] = [], options: PhaseOptions = {}): ReturnType<typeof runPhase> {
  // Buildpacks may leave directories that not even their owner can write to.
  execFileSync("chmod", ["-R", "u+w", builder.layers.path]);
  rmSync(builder.layers.path, { recursive: true });
  mkdirSync(builder.layers.path);
  const always = ["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000"];
  const run = ["-run-image", `${named("run")}:v1`, "-cache-dir", join(builder.dir, "cache")];
  return runPhase(builder, "creator", [...always, ...run, ...flags, named("app")], options);
}

/** Leaves a layer, its metadata and a store, and says what of an earlier build it found. */
const remembering = `cd "$1"; for f in store.toml kept.toml kept/file said.toml; do [ ! -e "$f" ] || echo "found $f"; done
mkdir -p kept said; echo x > kept/file; echo y > said/file
printf '[types]\\ncache = true\\n' > kept.toml; printf '[types]\\nlaunch = true\\n' > said.toml; printf '[metadata]\\nn = 1\\n' > store.toml`;

describe("the creator's second build", () => {
  // What a buildpack prints goes to this process' own output, so it writes it down as well.
  const found = (): readonly string[] =>
    readFileSync(join(builder.app.path, "found"), "utf8")
      .split("\n")
      .filter((line) => line !== "");
  const twice = async (flags: readonly string[], options: PhaseOptions): Promise<readonly string[]> => {
    builder.add({ id: "a", build: `exec > "$PWD/found"\n${remembering}` });
    const first = await create([], options);
    expect(first.code, first.output).toBe(0);
    expect(found()).toEqual([]);
    const second = await create(flags, options);
    expect(second.code, second.output).toBe(0);
    return found().map((line) => line.replace("found ", ""));
  };
  const all = ["store.toml", "kept.toml", "kept/file", "said.toml"];

  test.each(["0.7", "0.15"])("restores everything at Platform API %s", async (api) => {
    expect(await twice([], { api })).toEqual(all);
  });

  test.each([
    ["0.9", []],
    ["0.10", ["store.toml"]],
  ] as const)("restores at most store.toml with -skip-restore, at Platform API %s %j", async (api, expected) => {
    expect(await twice(["-skip-restore"], { api })).toEqual(expected);
  });

  test.each(["CNB_SKIP_RESTORE", "CNB_SKIP_LAYERS"])("restores store.toml alone with %s", async (name) => {
    builder.add({ id: "a", build: `exec > "$PWD/found"\n${remembering}` });
    await create();
    expect((await create([], { env: { [name]: "true" } })).code).toBe(0);
    expect(found()).toEqual(["found store.toml"]);
  });
});

test("layers with directories that their owner cannot write to are exported, cached and restored", async () => {
  builder.add({
    id: "a",
    build: `cd "$1"; ls -lR > "$2/found"; printf '[types]\\ncache = true\\nlaunch = true\\n' > l.toml
[ -e l ] && exit 0; mkdir -p l/d/e; echo x > l/d/e/f; chmod 444 l/d/e/f; chmod 555 l/d/e l/d l`,
  });
  const layersOf = async (): Promise<unknown> =>
    (await (await store.resolve(parseReference(named("app"))))?.config())?.value.rootfs.diff_ids;
  const first = await create();
  expect(first.code, first.output).toBe(0);
  const before = await layersOf();
  const second = await create();
  expect(second.code, second.output).toBe(0);
  expect(await layersOf()).toEqual(before);
  const found = readFileSync(join(builder.dir, "platform/found"), "utf8");
  expect(found).toContain("dr-xr-xr-x");
  expect(found).toContain("-r--r--r--");
  execFileSync("chmod", ["-R", "u+w", builder.layers.path]);
});

test("the creator gives the image all its names, and the report has them", async () => {
  builder.add({ id: "a" });
  const { code, output } = await create(["-tag", named("app:two"), "-tag", named("other")]);
  expect(code, output).toBe(0);
  const names = ["app", "app:two", "other"].map(named);
  const digests = await Promise.all(
    names.map(async (name) => (await (await store.resolve(parseReference(name)))?.manifest())?.digest),
  );
  expect(new Set(digests).size).toBe(1);
  expect(readFileSync(join(builder.layers.path, "report.toml"), "utf8")).toContain(
    `tags = [${names.map((name) => JSON.stringify(name)).join(", ")}]\n  digest = "${digests[0]}"`,
  );
});

test("-previous-image gives the layers that the output image does not have yet", async () => {
  builder.add({ id: "a", build: `exec > "$PWD/found"\n${remembering}` });
  await create();
  rmSync(join(builder.dir, "cache/committed"), { recursive: true });
  const flags = ["-previous-image", named("app"), "-tag", named("new")];
  expect((await create(flags)).code).toBe(0);
  expect(readFileSync(join(builder.app.path, "found"), "utf8")).toBe("found store.toml\nfound said.toml\n");
});

describe("the creator's exit code is that of the phase that failed:", () => {
  test.each([
    [20, "no buildpack wants the application", { detect: "exit 100" }],
    [21, "a buildpack's detection fails", { detect: "exit 1" }],
    [51, "a buildpack's build fails", { build: "exit 1" }],
    [52, "a buildpack leaves bad metadata", { build: 'echo x > "$1/l.toml"' }],
    [
      62,
      "a process type is no file name",
      { build: `printf '[[processes]]\\ntype = "a/b"\\ncommand = ["x"]\\n' > "$1/launch.toml"` },
    ],
  ])("%i when %s", async (exit, _, buildpack) => {
    builder.add({ id: "a", ...buildpack });
    const { code, output } = await create();
    expect(code, output).toBe(exit);
  });

  test("32 when the registry denies", async () => {
    builder.add({ id: "a" });
    registry.fail({ method: "POST", path: /app/, times: 99, action: { kind: "status", status: 403 } });
    const { code, output } = await create();
    expect(code, output).toBe(32);
    expect(output).toContain(`failed to ensure registry read/write access to ${named("app")}`);
  });
});

test.each([
  ["0.13", 0],
  ["0.14", 1],
] as const)(
  "the restorer asks for the run image from Platform API 0.14 on: at %s it ends with %i",
  async (api, exit) => {
    builder.add({ id: "a" });
    builder.write("layers/group.toml", '[[group]]\nid = "a"\nversion = "1.0.0"\napi = "0.10"\n');
    builder.write(
      "layers/analyzed.toml",
      `[run-image]\nreference = "${named("run")}:v1"\nimage = "${named("run")}:v1"\n`,
    );
    registry.fail({ method: "HEAD", path: /run/, times: 99, action: { kind: "status", status: 403 } });
    registry.fail({ method: "GET", path: /run/, times: 99, action: { kind: "status", status: 403 } });
    const { code, output } = await runPhase(builder, "restorer", [], { api });
    expect(code, output).toBe(exit);
    if (exit === 1) expect(output).toContain(`selected run image '${named("run")}:v1' is not accessible`);
  },
);
