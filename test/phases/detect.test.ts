import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { detect, type DetectResult, refuseExtensions } from "../../lifecycle/phases/detect.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
beforeEach(() => {
  builder = fixture();
});
afterEach(() => builder.remove());

const plan = (text: string): string => `cat > "$2" <<'EOF'\n${text}\nEOF`;

interface Element {
  readonly id: string;
  readonly version?: string;
  readonly optional?: boolean;
  readonly execEnv?: readonly string[];
}

interface Options {
  readonly api?: string;
  readonly execEnv?: string;
  readonly target?: { readonly os: string; readonly arch: string; readonly archVariant?: string };
  readonly system?: { readonly pre: readonly Element[]; readonly post: readonly Element[] };
}

function run(order: readonly (readonly (string | Element)[])[], options: Options = {}): Promise<DetectResult> {
  const { api, system, ...more } = options;
  const full = (element: string | Element): { id: string; version: string; optional?: boolean } =>
    typeof element === "string" ? { id: element, version: "1.0.0" } : { version: "1.0.0", ...element };
  return detect(
    {
      ...builder.inputs(api, more),
      order: { order: order.map((group) => ({ group: group.map(full) })), orderExtensions: [] },
      extensionsDir: undefined,
      system: system === undefined ? undefined : { pre: system.pre.map(full), post: system.post.map(full) },
    },
    { ctx: builder.ctx },
  );
}

const ids = ({ group }: DetectResult): readonly string[] => group.group.map(({ id }) => id);
const said = (): readonly string[] => builder.log.filter((line) => !line.startsWith("debug "));

const seen = (): readonly string[] => readFileSync(join(builder.app.path, "env"), "utf8").trimEnd().split("\n");
/** A script that ends only when another one runs at the same time. */
const meet = (own: string, other: string): string =>
  `touch ${own}; i=0; while [ ! -e ${other} ]; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.02; done`;

describe("a group that passes", () => {
  test("is the first one whose buildpacks all pass, with API and homepage, and shows a table", async () => {
    builder.add(
      { id: "no", detect: "echo not mine; exit 100" },
      { id: "a/long-id", keys: 'homepage = "https://a.test"' },
      { id: "b", version: "2", api: "0.12" },
    );
    const result = await run([["no"], ["a/long-id", { id: "b", version: "2" }]]);
    expect(result.group.group).toEqual([
      { id: "a/long-id", version: "1.0.0", api: "0.10", homepage: "https://a.test" },
      { id: "b", version: "2", api: "0.12" },
    ]);
    expect(said()).toEqual(["info a/long-id 1.0.0", "info b         2"]);
    expect(builder.log).toContain("debug not mine\n");
  });

  test("has a plan of what is provided and required", async () => {
    builder.add(
      { id: "p", detect: plan('[[provides]]\nname = "node"') },
      { id: "r", detect: plan('[[requires]]\nname = "node"\n[requires.metadata]\nversion = 20') },
    );
    expect((await run([["p", "r"]])).plan.entries).toEqual([
      {
        providers: [{ id: "p", version: "1.0.0" }],
        requires: [{ name: "node", metadata: { version: 20n } }],
      },
    ]);
  });

  test("leaves out optional buildpacks that decline, and says how many take part", async () => {
    builder.add({ id: "a" }, { id: "o", detect: "exit 100" });
    expect(ids(await run([["a", { id: "o", optional: true }]]))).toEqual(["a"]);
    expect(said()).toEqual(["info 1 of 2 buildpacks participating", "info a 1.0.0"]);
  });

  test("may come from a composite buildpack", async () => {
    builder.add({ id: "a" }, { id: "b" }, { id: "no", detect: "exit 100" });
    builder.add({
      id: "all",
      tables:
        '[[order]]\n[[order.group]]\nid = "no"\nversion = "1.0.0"\n[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"',
    });
    expect(ids(await run([["all", "b"]]))).toEqual(["a", "b"]);
  });

  test("runs each bin/detect once, whatever the number of groups", async () => {
    builder.add({ id: "a", detect: "echo ran >> count" }, { id: "no", detect: "exit 100" }, { id: "b" });
    await run([
      ["a", "no"],
      ["a", "b"],
    ]);
    expect(readFileSync(join(builder.app.path, "count"), "utf8")).toBe("ran\n");
  });

  test("runs the buildpacks of a group at the same time", async () => {
    builder.add({ id: "a", detect: meet("a", "b") }, { id: "b", detect: meet("b", "a") });
    expect(ids(await run([["a", "b"]]))).toEqual(["a", "b"]);
  });
});

describe("no group that passes", () => {
  test("is DETECT_FAILED, and the reasons are shown", async () => {
    builder.add({ id: "a", detect: "echo no match; exit 100" });
    await expect(run([["a"]])).rejects.toMatchObject({
      code: "DETECT_FAILED",
      message: "failed to detect: no buildpacks participating",
    });
    expect(said()).toEqual([
      "say ======== Output: a@1.0.0 ========",
      "say no match\n",
      "say ======== Results ========",
      "say fail: a@1.0.0",
      "error No buildpack groups passed detection.",
      "error Please check that you are running against the correct path.",
    ]);
  });

  test("is DETECT_ERROR when a buildpack went wrong in any of them", async () => {
    builder.add({ id: "a", detect: "exit 100" }, { id: "e", detect: "echo crash >&2; exit 7" });
    await expect(run([["e"], ["a"]])).rejects.toMatchObject({
      code: "DETECT_ERROR",
      message: "failed to detect: buildpack(s) failed with err",
    });
    expect(said()).toContain("say err:  e@1.0.0 (7)");
  });

  test("names the executable that cannot be started", async () => {
    builder.add({ id: "a" });
    const path = join(builder.dir, "buildpacks/a/1.0.0/bin/detect");
    chmodSync(path, 0o644);
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(said().slice(0, 4)).toEqual([
      "say ======== Error: a@1.0.0 ========",
      `say fork/exec ${path}: permission denied`,
      "say ======== Results ========",
      "say err:  a@1.0.0",
    ]);
  });

  test.each([
    ["a top-level version", '[[requires]]\nname = "a"\nversion = "1"', /"version" key which is not supported/],
    ["no TOML", "[[requires", /^say toml: line \d: expected/],
  ])("counts a plan with %s as the buildpack's error", async (_, text, expected) => {
    builder.add({ id: "a", detect: plan(text) });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(said().some((line) => expected.test(line))).toBe(true);
  });

  test("says which requirement nobody provides", async () => {
    builder.add({ id: "a", detect: plan('[[requires]]\nname = "thing"') });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_FAILED" });
    expect(said()).toContain("say fail: a@1.0.0 requires thing");
  });
});

describe("an order that cannot be used", () => {
  test("names a buildpack that is not there, before anything runs", async () => {
    builder.add({ id: "a", detect: "touch ran" });
    const path = join(builder.dir, "buildpacks/gone/1.0.0/buildpack.toml");
    await expect(run([["a", "gone"]])).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: `failed to initialize detector: open ${path}: no such file or directory`,
    });
    expect(existsSync(join(builder.app.path, "ran"))).toBe(false);
  });

  test("with a Buildpack API that we do not speak is BUILDPACK_API_UNSUPPORTED", async () => {
    builder.add({ id: "a", api: "0.99" });
    await expect(run([["a"]])).rejects.toMatchObject({
      code: "BUILDPACK_API_UNSUPPORTED",
      message:
        "failed to set API for Buildpack 'a@1.0.0': buildpack API version '0.99' is incompatible with the lifecycle",
    });
  });

  test("with an id that leads out of the directory is refused", async () => {
    await expect(run([["../../etc"]])).rejects.toMatchObject({ code: "INVALID_ORDER" });
  });

  test("with a composite that contains itself ends", async () => {
    builder.add({ id: "self", tables: '[[order]]\n[[order.group]]\nid = "self"\nversion = "1.0.0"' });
    await expect(run([["self"]])).rejects.toMatchObject({ code: "DETECT_NOT_POSSIBLE" });
  });
});

describe("who may take part", () => {
  const arm = '[[targets]]\nos = "linux"\narch = "arm64"';

  test("a buildpack for another target is an error of its group, without being run", async () => {
    builder.add({ id: "a", tables: arm, detect: "touch ran" });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(existsSync(join(builder.app.path, "ran"))).toBe(false);
    expect(said()).toContain(
      'say unable to satisfy target os/arch constraints; run image: {"os":"linux","arch":"amd64","distro":{"name":"debian","version":"12"}}, buildpack: [{"os":"linux","arch":"arm64"}]',
    );
  });

  test("below Platform API 0.12 targets do not matter", async () => {
    builder.add({ id: "a", tables: arm });
    expect(ids(await run([["a"]], { api: "0.11" }))).toEqual(["a"]);
  });

  test("a buildpack for another execution environment is passed over", async () => {
    builder.add({ id: "t", api: "0.12", keys: 'exec-env = ["test"]' }, { id: "a", api: "0.12" });
    const order = [["t", "a"]];
    expect(ids(await run(order, { api: "0.15", execEnv: "production" }))).toEqual(["a"]);
    expect(ids(await run(order, { api: "0.15", execEnv: "test" }))).toEqual(["t", "a"]);
    expect(ids(await run(order, { api: "0.14", execEnv: "production" }))).toEqual(["t", "a"]);
  });

  test("an element of the order may be for some execution environments only", async () => {
    builder.add({ id: "t" }, { id: "a" });
    const order = [
      [
        { id: "t", execEnv: ["test"] },
        { id: "a", execEnv: ["*"] },
      ],
    ];
    expect(ids(await run(order, { api: "0.15", execEnv: "production" }))).toEqual(["a"]);
    expect(ids(await run(order, { api: "0.15", execEnv: "test" }))).toEqual(["t", "a"]);
    expect(ids(await run(order, { api: "0.14" }))).toEqual(["t", "a"]);
  });

  test("a buildpack that is passed over leaves its place to another version of it", async () => {
    builder.add(
      { id: "a", version: "1", api: "0.12", keys: 'exec-env = ["test"]' },
      { id: "a", version: "2", api: "0.12", keys: 'exec-env = ["production"]' },
    );
    const chosen = async (execEnv: string): Promise<readonly string[]> => {
      const order = [["1", "2"].map((version) => ({ id: "a", version }))];
      return (await run(order, { api: "0.15", execEnv })).group.group.map(({ version }) => version);
    };
    expect([await chosen("test"), await chosen("production")]).toEqual([["1"], ["2"]]);
  });

  test("a group all of whose buildpacks are for other execution environments gives way to the next", async () => {
    builder.add({ id: "t", api: "0.12", keys: 'exec-env = ["test"]' }, { id: "a" });
    expect(ids(await run([["t"], ["a"]], { api: "0.15", execEnv: "production" }))).toEqual(["a"]);
    await expect(run([["t"]], { api: "0.15", execEnv: "production" })).rejects.toMatchObject({ code: "DETECT_FAILED" });
  });

  test("an optional buildpack of the operator may decline, another one ends the group", async () => {
    builder.add({ id: "pre", detect: "exit 100" }, { id: "a" });
    const withPre = (optional: boolean): Promise<DetectResult> =>
      run([["a"]], { api: "0.15", system: { pre: [{ id: "pre", optional }], post: [] } });
    expect(ids(await withPre(true))).toEqual(["a"]);
    await expect(withPre(false)).rejects.toMatchObject({ code: "DETECT_FAILED" });
  });

  test("the operator's buildpacks come before and after each group", async () => {
    builder.add({ id: "pre" }, { id: "a" }, { id: "post" });
    expect(ids(await run([["a"]], { api: "0.15", system: { pre: [{ id: "pre" }], post: [{ id: "post" }] } }))).toEqual([
      "pre",
      "a",
      "post",
    ]);
    expect(builder.log).toContain("debug Prepending 1 system buildpack(s) to group");
  });
});

const extension = (id: string, files: Readonly<Record<string, string>>): void => {
  const root = `extensions/${id}/1.0.0`;
  builder.write(`${root}/extension.toml`, `api = "0.10"\n[extension]\nid = "${id}"\nversion = "1.0.0"\n`);
  for (const [name, text] of Object.entries(files)) {
    builder.write(`${root}/${name}`, text);
    chmodSync(join(builder.dir, root, name), 0o755);
  }
};
const withExtension = (id: string): Promise<DetectResult> =>
  detect(
    {
      ...builder.inputs(),
      order: {
        order: [{ group: [{ id: "a", version: "1.0.0" }] }],
        orderExtensions: [{ group: [{ id, version: "1.0.0", extension: true, optional: true }] }],
      },
      extensionsDir: join(builder.dir, "extensions"),
      system: undefined,
    },
    { ctx: builder.ctx },
  );

describe("an order with extensions", () => {
  test("passes without one that declines", async () => {
    builder.add({ id: "a" });
    extension("x", { "bin/detect": '#!/bin/sh\ntest -n "$CNB_EXTENSION_DIR" || exit 1\nexit 100\n' });
    expect(await withExtension("x")).toMatchObject({ group: { group: [{ id: "a" }], groupExtensions: [] } });
  });

  test("has one that provides what a buildpack requires, also when its plan is a file", async () => {
    builder.add({ id: "a", detect: plan('[[requires]]\nname = "curl"') });
    extension("x", { "detect/plan.toml": '[[provides]]\nname = "curl"\n' });
    const result = await withExtension("x");
    expect(result).toMatchObject({ group: { group: [{ id: "a" }], groupExtensions: [{ id: "x", api: "0.10" }] } });
    expect(result.plan.entries).toMatchObject([{ providers: [{ id: "x", extension: true }] }]);
    expect(() => refuseExtensions(result.group)).toThrow(
      expect.objectContaining({
        code: "EXTENSIONS_UNSUPPORTED",
        message: "failed to detect: detected order contains extensions which is not supported by the creator",
      }),
    );
  });
});

describe("a buildpack that misbehaves", () => {
  test("by printing without end has its output cut in the middle", async () => {
    builder.add({ id: "a", detect: "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; exit 1" });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    const output = said().find((line) => line.startsWith("say first")) ?? "";
    expect(output.length).toBeLessThan(1_100_000);
    expect(output).toMatch(/\n\[\d+ bytes left out\]\n/);
    expect(output.endsWith("\nlast\n")).toBe(true);
  });

  test("by putting a FIFO in the place of its plan is an error and no endless wait", async () => {
    builder.add({ id: "a", detect: 'rm "$2"; mkfifo "$2"' });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(said().some((line) => line.endsWith("is not a regular file"))).toBe(true);
  });

  test("by leaving a process behind holds nothing up", async () => {
    builder.add({ id: "a", detect: "sleep 60 & exit 0" });
    expect(ids(await run([["a"]]))).toEqual(["a"]);
  });

  test("is stopped by an abort, and nothing else is shown as the reason", async () => {
    builder.add({ id: "a", detect: "touch ran; sleep 60" }, { id: "b", detect: "sleep 60" });
    const controller = new AbortController();
    const inputs = {
      ...builder.inputs(),
      order: { order: [{ group: ["a", "b"].map((id) => ({ id, version: "1.0.0" })) }], orderExtensions: [] },
      system: undefined,
    };
    const running = detect(inputs, { ctx: { ...builder.ctx, signal: controller.signal } });
    setTimeout(() => controller.abort(), 200);
    await expect(running).rejects.toMatchObject({ code: "CANCELED" });
  });
});

describe("what bin/detect is given", () => {
  const environment =
    'env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= -e ^CNB_BUILD_PLAN_PATH= | sort > env; echo "$@" > args; test -w "${CNB_BUILD_PLAN_PATH:-$2}"';

  test("is the environment of its API, with the user's and the operator's variables, and nothing else of ours", async () => {
    builder.add({ id: "a", api: "0.12", detect: environment });
    builder.write("platform/env/USER_VAR", "from user");
    builder.write("platform/env/PATH", "/user/bin");
    builder.write("build-config/env/OP", "operator");
    await run([["a"]], { execEnv: "production" });
    expect(seen()).toEqual([
      `CNB_BUILDPACK_DIR=${join(builder.dir, "buildpacks/a/1.0.0")}`,
      "CNB_EXEC_ENV=production",
      `CNB_PLATFORM_DIR=${join(builder.dir, "platform")}`,
      "CNB_TARGET_ARCH=amd64",
      "CNB_TARGET_DISTRO_NAME=debian",
      "CNB_TARGET_DISTRO_VERSION=12",
      "CNB_TARGET_OS=linux",
      "HOME=/home/cnb",
      "OP=operator",
      "PATH=/user/bin:/usr/bin:/bin",
      "USER_VAR=from user",
    ]);
    expect(readFileSync(join(builder.app.path, "args"), "utf8")).toMatch(
      new RegExp(`^${join(builder.dir, "platform")} /.*/plan\\.toml\n$`),
    );
  });

  test("leaves the user's variables out with clear-env", async () => {
    builder.add({ id: "a", api: "0.7", keys: "clear-env = true", detect: environment });
    builder.write("platform/env/USER_VAR", "from user");
    await run([["a"]]);
    expect(seen()).toEqual([
      `CNB_BUILDPACK_DIR=${join(builder.dir, "buildpacks/a/1.0.0")}`,
      "HOME=/home/cnb",
      "PATH=/usr/bin:/bin",
    ]);
  });

  test("works when the build configuration is not there", async () => {
    builder.add({ id: "a" });
    rmSync(join(builder.dir, "platform"), { recursive: true });
    expect(ids(await run([["a"]]))).toEqual(["a"]);
  });
});
