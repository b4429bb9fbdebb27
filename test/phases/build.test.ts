import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../../lifecycle/phases/build.ts";
import { building, toml } from "./build-fixture.ts";

const at = building();
const { run, layer, read } = at;
const env = "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= -e ^CNB_BP_PLAN_PATH= | sort";

describe("what bin/build is given", () => {
  test("is its layers directory, the platform directory, its plan, and the environment of its API", async () => {
    at.builder.add({
      id: "a/b",
      api: "0.12",
      build: `echo "$@" > args; ${env} > env; cat "$CNB_BP_PLAN_PATH" > plan; pwd > cwd`,
    });
    const entries = [{ providers: [{ id: "a/b", version: "1.0.0" }], requires: [{ name: "x", metadata: { k: "v" } }] }];
    await run(["a/b"], { bpApi: "0.12", plan: { entries }, inputs: { execEnv: "test" } });
    const app = (name: string): string => readFileSync(join(at.builder.app.path, name), "utf8");
    expect(app("args").split(" ").slice(0, 2)).toEqual([layer("a_b"), join(at.builder.dir, "platform")]);
    expect(app("plan")).toBe('[[entries]]\n  name = "x"\n  [entries.metadata]\n    k = "v"\n');
    expect(app("cwd")).toBe(`${at.builder.app.path}\n`);
    expect(app("env").trimEnd().split("\n")).toEqual([
      `CNB_BUILDPACK_DIR=${join(at.builder.dir, "buildpacks/a_b/1.0.0")}`,
      "CNB_EXEC_ENV=test",
      `CNB_LAYERS_DIR=${layer("a_b")}`,
      `CNB_PLATFORM_DIR=${join(at.builder.dir, "platform")}`,
      "CNB_TARGET_ARCH=amd64",
      "CNB_TARGET_DISTRO_NAME=debian",
      "CNB_TARGET_DISTRO_VERSION=12",
      "CNB_TARGET_OS=linux",
      "HOME=/home/cnb",
      "PATH=/usr/bin:/bin",
    ]);
  });

  test("includes what build layers of buildpacks before it set, also with clear-env", async () => {
    at.builder.add(
      {
        id: "first",
        build: `mkdir -p "$1/l/bin" "$1/l/env" "$1/l/env.build" "$1/l/env.launch" "$1/no/env"
printf one > "$1/l/env/ONE"; printf two > "$1/l/env.build/TWO"; printf three > "$1/l/env.launch/THREE"; printf four > "$1/no/env/FOUR"
printf /x > "$1/l/env/PATH.append"; printf : > "$1/l/env/PATH.delim"
${toml("l", "[types]\nbuild = true")}\n${toml("no", "[types]\nlaunch = true")}`,
      },
      { id: "second", keys: "clear-env = true", build: `${env} > env` },
    );
    at.builder.write("platform/env/USER_VAR", "not with clear-env");
    await run(["first", "second"]);
    const seen = readFileSync(join(at.builder.app.path, "env"), "utf8");
    expect(seen).toContain(`\nPATH=${layer("first/l/bin")}:/usr/bin:/bin:/x\n`);
    expect(seen).toContain("\nONE=one\n");
    expect(seen).toContain("\nTWO=two\n");
    expect(seen).not.toMatch(/THREE|FOUR|USER_VAR|SECRET/);
  });

  test("an entry that was met is not in the plan of the next provider, an unmet one is", async () => {
    at.builder.add({ id: "a", build: toml("build", '[[unmet]]\nname = "y"') }, { id: "b", build: 'cat "$3" > plan' });
    const providers = ["a", "b"].map((id) => ({ id, version: "1.0.0" }));
    const entries = ["x", "y"].map((name) => ({ providers, requires: [{ name, metadata: undefined }] }));
    await run(["a", "b"], { plan: { entries } });
    expect(readFileSync(join(at.builder.app.path, "plan"), "utf8")).toBe('[[entries]]\n  name = "y"\n');
  });

  test("both of its streams are passed on as they come", async () => {
    at.builder.add({ id: "a", build: "echo out; echo err >&2" });
    await run(["a"]);
    expect(at.printed.split("\n").toSorted()).toEqual(["", "err", "out"]);
  });
});

describe("layers after bin/build", () => {
  test("a layer that is for nothing is renamed, and one called like launch.toml, too", async () => {
    at.builder.add({
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
    at.builder.add({ id: "a", build: `mkdir "$1/l"\n${toml("l", text)}` });
    await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringMatching(message) });
  });
});

describe("the result", () => {
  test("has processes, slices and labels of all buildpacks", async () => {
    at.builder.add(
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
    at.builder.add({ id: "a", build: script }, { id: "b", build: "touch ran" });
    await expect(run(["a", "b"])).rejects.toMatchObject({ code, message });
    expect(existsSync(join(at.builder.app.path, "ran"))).toBe(false);
  });

  test("a group with a buildpack that is not there is BUILD_FAILED", async () => {
    const path = join(at.builder.dir, "buildpacks/gone/1.0.0/buildpack.toml");
    await expect(run(["gone"])).rejects.toMatchObject({
      code: "BUILD_FAILED",
      message: `failed to build: open ${path}: no such file or directory`,
    });
  });

  test("a group with an API that we do not speak is refused before anything runs", async () => {
    at.builder.add({ id: "a", build: "touch ran" });
    await expect(run(["a"], { bpApi: "0.99" })).rejects.toMatchObject({ code: "BUILDPACK_API_UNSUPPORTED" });
    expect(existsSync(join(at.builder.app.path, "ran"))).toBe(false);
  });
});

test("a FIFO among the environment files of a layer is passed over", async () => {
  at.builder.add(
    { id: "a", build: `mkdir -p "$1/l/env"; mkfifo "$1/l/env/X"\n${toml("l", "[types]\nbuild = true")}` },
    { id: "b" },
  );
  await run(["a", "b"]);
});

test("an abort stops bin/build and is CANCELED", async () => {
  at.builder.add({ id: "a", build: "sleep 60" });
  const controller = new AbortController();
  const inputs = { ...at.builder.inputs(), group: [{ id: "a", version: "1.0.0", api: "0.10" }], groupExtensions: [] };
  const ports = {
    output: { kind: "stream", write: () => {} },
    ctx: { ...at.builder.ctx, signal: controller.signal },
  } as const;
  const running = build({ ...inputs, plan: { entries: [] }, layers: at.builder.layers }, ports);
  setTimeout(() => controller.abort(), 200);
  await expect(running).rejects.toMatchObject({ code: "CANCELED" });
});

test("the distribution of the build image counts when the run image names none", async () => {
  writeFileSync(join(at.builder.dir, "os-release"), 'NAME="X Linux"\nID=x\nVERSION_ID="7"\n');
  at.builder.add({ id: "a", build: "env > env" });
  await run(["a"], { inputs: { target: { os: "linux", arch: "arm64" } } });
  expect(readFileSync(join(at.builder.app.path, "env"), "utf8")).toMatch(/CNB_TARGET_DISTRO_NAME=x\n/);
  expect(readFileSync(join(at.builder.app.path, "env"), "utf8")).toMatch(/CNB_TARGET_ARCH=arm64\n/);
});
