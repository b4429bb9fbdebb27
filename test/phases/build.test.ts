import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import type { Plan } from "../../lifecycle/cnb/files/plan.ts";
import { build } from "../../lifecycle/phases/build.ts";
import type { BuildpackInputs } from "../../lifecycle/phases/detect.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
let printed: string;
beforeEach(() => {
  builder = fixture();
  printed = "";
});
afterEach(() => builder.remove());

interface Options {
  readonly api?: string;
  readonly bpApi?: string;
  readonly plan?: Plan;
  readonly inputs?: Partial<BuildpackInputs>;
}

function run(
  ids: readonly string[],
  { api, bpApi = "0.10", plan = { entries: [] }, inputs }: Options = {},
): Promise<BuildMetadata> {
  return build(
    {
      ...builder.inputs(api, inputs),
      group: ids.map((id) => ({ id, version: "1.0.0", api: bpApi })),
      groupExtensions: [],
      plan,
      layers: builder.layers,
    },
    { output: { kind: "stream", write: (bytes) => (printed += Buffer.from(bytes).toString()) }, ctx: builder.ctx },
  );
}

const layer = (path: string): string => join(builder.layers.path, path);
const read = (path: string): string => readFileSync(layer(path), "utf8");
const toml = (name: string, text: string): string => `cat > "$1/${name}.toml" <<'EOF'\n${text}\nEOF`;
const env = "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= -e ^CNB_BP_PLAN_PATH= | sort";

describe("what bin/build is given", () => {
  test("is its layers directory, the platform directory, its plan, and the environment of its API", async () => {
    builder.add({
      id: "a/b",
      api: "0.12",
      build: `echo "$@" > args; ${env} > env; cat "$CNB_BP_PLAN_PATH" > plan; pwd > cwd`,
    });
    const entries = [{ providers: [{ id: "a/b", version: "1.0.0" }], requires: [{ name: "x", metadata: { k: "v" } }] }];
    await run(["a/b"], { bpApi: "0.12", plan: { entries }, inputs: { execEnv: "test" } });
    const app = (name: string): string => readFileSync(join(builder.app.path, name), "utf8");
    expect(app("args").split(" ").slice(0, 2)).toEqual([layer("a_b"), join(builder.dir, "platform")]);
    expect(app("plan")).toBe('[[entries]]\n  name = "x"\n  [entries.metadata]\n    k = "v"\n');
    expect(app("cwd")).toBe(`${builder.app.path}\n`);
    expect(app("env").trimEnd().split("\n")).toEqual([
      `CNB_BUILDPACK_DIR=${join(builder.dir, "buildpacks/a_b/1.0.0")}`,
      "CNB_EXEC_ENV=test",
      `CNB_LAYERS_DIR=${layer("a_b")}`,
      `CNB_PLATFORM_DIR=${join(builder.dir, "platform")}`,
      "CNB_TARGET_ARCH=amd64",
      "CNB_TARGET_DISTRO_NAME=debian",
      "CNB_TARGET_DISTRO_VERSION=12",
      "CNB_TARGET_OS=linux",
      "HOME=/home/cnb",
      "PATH=/usr/bin:/bin",
    ]);
  });

  test("includes what build layers of buildpacks before it set, also with clear-env", async () => {
    builder.add(
      {
        id: "first",
        build: `mkdir -p "$1/l/bin" "$1/l/env" "$1/l/env.build" "$1/l/env.launch" "$1/no/env"
printf one > "$1/l/env/ONE"; printf two > "$1/l/env.build/TWO"; printf three > "$1/l/env.launch/THREE"; printf four > "$1/no/env/FOUR"
printf /x > "$1/l/env/PATH.append"; printf : > "$1/l/env/PATH.delim"
${toml("l", "[types]\nbuild = true")}\n${toml("no", "[types]\nlaunch = true")}`,
      },
      { id: "second", keys: "clear-env = true", build: `${env} > env` },
    );
    builder.write("platform/env/USER_VAR", "not with clear-env");
    await run(["first", "second"]);
    const seen = readFileSync(join(builder.app.path, "env"), "utf8");
    expect(seen).toContain(`\nPATH=${layer("first/l/bin")}:/usr/bin:/bin:/x\n`);
    expect(seen).toContain("\nONE=one\n");
    expect(seen).toContain("\nTWO=two\n");
    expect(seen).not.toMatch(/THREE|FOUR|USER_VAR|SECRET/);
  });

  test("an entry that was met is not in the plan of the next provider, an unmet one is", async () => {
    builder.add({ id: "a", build: toml("build", '[[unmet]]\nname = "y"') }, { id: "b", build: 'cat "$3" > plan' });
    const providers = ["a", "b"].map((id) => ({ id, version: "1.0.0" }));
    const entries = ["x", "y"].map((name) => ({ providers, requires: [{ name, metadata: undefined }] }));
    await run(["a", "b"], { plan: { entries } });
    expect(readFileSync(join(builder.app.path, "plan"), "utf8")).toBe('[[entries]]\n  name = "y"\n');
  });

  test("both of its streams are passed on as they come", async () => {
    builder.add({ id: "a", build: "echo out; echo err >&2" });
    await run(["a"]);
    expect(printed.split("\n").toSorted()).toEqual(["", "err", "out"]);
  });
});

describe("layers after bin/build", () => {
  test("a layer that is for nothing is renamed, and one called like launch.toml, too", async () => {
    builder.add({
      id: "a",
      build: `mkdir "$1/none" "$1/launch" "$1/kept" "$1/plain"\n${toml("none", "[metadata]\nx = 1")}\n${toml("launch", "")}\n${toml("kept", "[types]\ncache = true")}`,
    });
    await run(["a"]);
    expect(readdirSync(layer("a"))).toEqual([
      "kept",
      "kept.toml",
      "launch.ignore",
      "launch.toml",
      "none.ignore",
      "none.toml",
      "plain",
    ]);
  });

  test.each([
    [
      "flags at the top",
      "launch = true",
      /^failed to build: failed to process buildpack layer: failed to decode layer metadata file: the launch, cache and build flags should be in the types table of .*\/a\/l\.toml$/,
    ],
    [
      "a wrong type",
      '[types]\nlaunch = "yes"',
      /metadata file: toml: line 2 \(last key "types\.launch"\): incompatible types: TOML value has type string; destination has type boolean$/,
    ],
    ["bad syntax", "x =", /metadata file: toml: line 1 \(last key "x"\): expected value but found '\\n' instead$/],
  ])("a metadata file with %s is BUILD_FAILED", async (_, text, message) => {
    builder.add({ id: "a", build: `mkdir "$1/l"\n${toml("l", text)}` });
    await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringMatching(message) });
  });
});

describe("the result", () => {
  test("has processes, slices and labels of all buildpacks", async () => {
    builder.add(
      {
        id: "a",
        build: toml(
          "launch",
          '[[processes]]\ntype = "web"\ncommand = ["x"]\ndefault = true\n[[processes]]\ntype = "a"\ncommand = ["a"]\n[[slices]]\npaths = ["p"]\n[[labels]]\nkey = "k"\nvalue = "v"',
        ),
      },
      { id: "b", build: toml("launch", '[[processes]]\ntype = "web"\ncommand = ["y"]\nargs = ["z"]\ndefault = true') },
    );
    const metadata = await run(["a", "b"]);
    expect(metadata).toMatchObject({
      buildpacks: [
        { id: "a", version: "1.0.0", api: "0.10" },
        { id: "b", version: "1.0.0", api: "0.10" },
      ],
      buildpackDefaultProcessType: "web",
      slices: [{ paths: ["p"] }],
      labels: [{ key: "k", value: "v" }],
      bom: [],
    });
    expect(metadata.processes.map(({ type, command, buildpackId }) => [type, command, buildpackId])).toEqual([
      ["a", ["a"], "a"],
      ["web", ["y"], "b"],
    ]);
    expect(read("config/metadata.toml")).toContain(
      'buildpack-default-process-type = "web"\n\n[[buildpacks]]\n  id = "a"\n',
    );
  });

  test.each([
    ["an exit code", "echo failing; exit 3", "BUILDPACK_FAILED", "failed to build: exit status 3"],
    ["a signal", "kill -KILL $$", "BUILDPACK_FAILED", "failed to build: signal: killed"],
    [
      "two defaults",
      toml(
        "launch",
        '[[processes]]\ntype = "a"\ncommand = ["x"]\ndefault = true\n[[processes]]\ntype = "b"\ncommand = ["x"]\ndefault = true',
      ),
      "BUILD_FAILED",
      "failed to build: multiple default process types aren't allowed",
    ],
    [
      "direct",
      toml("launch", '[[processes]]\ntype = "a"\ncommand = ["x"]\ndirect = true'),
      "BUILD_FAILED",
      "failed to build: process.direct is not supported on this buildpack version",
    ],
    [
      "a command that is a string",
      toml("launch", '[[processes]]\ntype = "a"\ncommand = "x"'),
      "BUILD_FAILED",
      'failed to build: toml: line 3 (last key "processes.command"): incompatible types: TOML value has type string; destination has type slice',
    ],
    [
      "an unknown unmet",
      toml("build", '[[unmet]]\nname = "zzz"'),
      "BUILD_FAILED",
      "failed to build: unmet.name 'zzz' must match a requested dependency",
    ],
  ])("a buildpack with %s fails", async (_, script, code, message) => {
    builder.add({ id: "a", build: script }, { id: "b", build: "touch ran" });
    await expect(run(["a", "b"])).rejects.toMatchObject({ code, message });
    expect(existsSync(join(builder.app.path, "ran"))).toBe(false);
  });

  test("a group with a buildpack that is not there is BUILD_FAILED", async () => {
    const path = join(builder.dir, "buildpacks/gone/1.0.0/buildpack.toml");
    await expect(run(["gone"])).rejects.toMatchObject({
      code: "BUILD_FAILED",
      message: `failed to build: open ${path}: no such file or directory`,
    });
  });

  test("a group with an API that we do not speak is refused before anything runs", async () => {
    builder.add({ id: "a", build: "touch ran" });
    await expect(run(["a"], { bpApi: "0.99" })).rejects.toMatchObject({ code: "BUILDPACK_API_UNSUPPORTED" });
    expect(existsSync(join(builder.app.path, "ran"))).toBe(false);
  });
});

describe("SBOM files", () => {
  const formats = 'sbom-formats = ["application/vnd.cyclonedx+json; version=1.4", "application/spdx+json"]';

  test("go to the place of their layer's types", async () => {
    builder.add({
      id: "a/b",
      keys: formats,
      build: `for f in launch build both onlybuild nolayer; do echo $f > "$1/$f.sbom.cdx.json"; done; echo spdx > "$1/both.sbom.spdx.json"
${toml("both", "[types]\nlaunch = true\ncache = true")}\n${toml("onlybuild", "[types]\nbuild = true")}`,
    });
    mkdirSync(layer("sbom/launch/old"), { recursive: true });
    await run(["a/b"]);
    expect(readdirSync(layer("sbom"), { recursive: true, encoding: "utf8" }).sort()).toEqual([
      "build",
      "build/a_b",
      "build/a_b/onlybuild",
      "build/a_b/onlybuild/sbom.cdx.json",
      "build/a_b/sbom.cdx.json",
      "build/sbom.legacy.json",
      "cache",
      "cache/a_b",
      "cache/a_b/both",
      "cache/a_b/both/sbom.cdx.json",
      "cache/a_b/both/sbom.spdx.json",
      "launch",
      "launch/a_b",
      "launch/a_b/both",
      "launch/a_b/both/sbom.cdx.json",
      "launch/a_b/both/sbom.spdx.json",
      "launch/a_b/sbom.cdx.json",
      "launch/sbom.legacy.json",
    ]);
    expect(read("sbom/launch/a_b/sbom.cdx.json")).toBe("launch\n");
    expect(read("sbom/launch/sbom.legacy.json")).toBe("null\n");
  });

  test.each([
    ["cdx.json", "application/vnd.cyclonedx+json"],
    ["spdx.json", "application/spdx+json"],
    ["syft.json", "application/vnd.syft+json"],
  ])("of the format %s are taken from all three places", async (extension, mediaType) => {
    builder.add({
      id: "a/b",
      keys: `sbom-formats = ["${mediaType}"]`,
      build: `for f in launch build l; do echo $f > "$1/$f.sbom.${extension}"; done\n${toml("l", "[types]\nlaunch = true")}`,
    });
    await run(["a/b"]);
    const contents = ["launch/a_b", "build/a_b", "launch/a_b/l"].map((path) => read(`sbom/${path}/sbom.${extension}`));
    expect(contents).toEqual(["launch\n", "build\n", "l\n"]);
  });

  test.each([
    [
      "one that is not declared",
      "launch.sbom.syft.json",
      /^failed to build: validating SBOM file '.*' for buildpack: 'a@1\.0\.0': undeclared SBOM media type: 'application\/vnd\.syft\+json'$/,
    ],
    ["an unknown format", "launch.sbom.xyz.json", /^failed to build: unsupported SBOM file format: '.*'$/],
  ])("%s is BUILD_FAILED", async (_, name, message) => {
    builder.add({ id: "a", keys: formats, build: `echo {} > "$1/${name}"` });
    await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringMatching(message) });
  });

  test("a legacy BOM is warned about as often as the reference does it: twice for build.toml", async () => {
    builder.add({ id: "a", api: "0.8", build: toml("build", '[[bom]]\nname = "n"') });
    await run(["a"], { bpApi: "0.8" });
    expect(builder.log.filter((line) => line.startsWith("warn BOM table is deprecated"))).toHaveLength(2);
  });

  test("a legacy BOM is written beside them from Platform API 0.9 and returned below", async () => {
    const bom = '[[bom]]\nname = "n"\n[bom.metadata]\nb = 1\na = "<"';
    builder.add({ id: "a", api: "0.8", build: toml("launch", bom) });
    const result = await run(["a"], { bpApi: "0.8" });
    expect(result.bom).toEqual([]);
    expect(read("sbom/launch/sbom.legacy.json")).toBe(
      '[{"name":"n","metadata":{"a":"\\u003c","b":1},"buildpack":{"id":"a","version":"1.0.0"}}]\n',
    );
    expect(builder.log.filter((line) => line.startsWith("warn BOM table is deprecated"))).toHaveLength(1);
    const old = await run(["a"], { api: "0.8", bpApi: "0.8" });
    expect(old.bom.map(({ name }) => name)).toEqual(["n"]);
    expect(existsSync(layer("sbom"))).toBe(false);
  });
});

test.each([
  ["launch.toml", "is not a regular file"],
  ["launch.sbom.cdx.json", "is not a regular file"],
])("a FIFO called %s is an error and no endless wait", async (name, message) => {
  const formats = 'sbom-formats = ["application/vnd.cyclonedx+json"]';
  builder.add({ id: "a", keys: formats, build: `mkfifo "$1/${name}"` });
  await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringContaining(message) });
});

test("a FIFO among the environment files of a layer is passed over", async () => {
  builder.add(
    { id: "a", build: `mkdir -p "$1/l/env"; mkfifo "$1/l/env/X"\n${toml("l", "[types]\nbuild = true")}` },
    { id: "b" },
  );
  await run(["a", "b"]);
});

test("an abort stops bin/build and is CANCELED", async () => {
  builder.add({ id: "a", build: "sleep 60" });
  const controller = new AbortController();
  const inputs = { ...builder.inputs(), group: [{ id: "a", version: "1.0.0", api: "0.10" }], groupExtensions: [] };
  const ports = {
    output: { kind: "stream", write: () => {} },
    ctx: { ...builder.ctx, signal: controller.signal },
  } as const;
  const running = build({ ...inputs, plan: { entries: [] }, layers: builder.layers }, ports);
  setTimeout(() => controller.abort(), 200);
  await expect(running).rejects.toMatchObject({ code: "CANCELED" });
});

test("the distribution of the build image counts when the run image names none", async () => {
  writeFileSync(join(builder.dir, "os-release"), 'NAME="X Linux"\nID=x\nVERSION_ID="7"\n');
  builder.add({ id: "a", build: "env > env" });
  await run(["a"], { inputs: { target: { os: "linux", arch: "arm64" } } });
  expect(readFileSync(join(builder.app.path, "env"), "utf8")).toMatch(/CNB_TARGET_DISTRO_NAME=x\n/);
  expect(readFileSync(join(builder.app.path, "env"), "utf8")).toMatch(/CNB_TARGET_ARCH=arm64\n/);
});
