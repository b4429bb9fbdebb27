import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type DetectResult } from "../../lifecycle/phases/detect.ts";
import { detecting, ids, plan } from "./detect-fixture.ts";

const at = detecting();
const { run, said } = at;
/** A script that ends only when another one runs at the same time. */
const meet = (own: string, other: string): string =>
  `touch ${own}; i=0; while [ ! -e ${other} ]; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.02; done`;

describe("a group that passes", () => {
  test("is the first one whose buildpacks all pass, with API and homepage, and shows a table", async () => {
    at.builder.add(
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
    expect(at.builder.log).toContain("debug not mine\n");
  });

  test("has a plan of what is provided and required", async () => {
    at.builder.add(
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
    at.builder.add({ id: "a" }, { id: "o", detect: "exit 100" });
    expect(ids(await run([["a", { id: "o", optional: true }]]))).toEqual(["a"]);
    expect(said()).toEqual(["info 1 of 2 buildpacks participating", "info a 1.0.0"]);
  });

  test("may come from a composite buildpack", async () => {
    at.builder.add({ id: "a" }, { id: "b" }, { id: "no", detect: "exit 100" });
    at.builder.add({
      id: "all",
      tables:
        '[[order]]\n[[order.group]]\nid = "no"\nversion = "1.0.0"\n[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"',
    });
    expect(ids(await run([["all", "b"]]))).toEqual(["a", "b"]);
  });

  test("runs each bin/detect once, whatever the number of groups", async () => {
    at.builder.add({ id: "a", detect: "echo ran >> count" }, { id: "no", detect: "exit 100" }, { id: "b" });
    await run([
      ["a", "no"],
      ["a", "b"],
    ]);
    expect(readFileSync(join(at.builder.app.path, "count"), "utf8")).toBe("ran\n");
  });

  test("runs the buildpacks of a group at the same time", async () => {
    at.builder.add({ id: "a", detect: meet("a", "b") }, { id: "b", detect: meet("b", "a") });
    expect(ids(await run([["a", "b"]]))).toEqual(["a", "b"]);
  });
});

describe("no group that passes", () => {
  test("is DETECT_FAILED, and the reasons are shown", async () => {
    at.builder.add({ id: "a", detect: "echo no match; exit 100" });
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
    at.builder.add({ id: "a", detect: "exit 100" }, { id: "e", detect: "echo crash >&2; exit 7" });
    await expect(run([["e"], ["a"]])).rejects.toMatchObject({
      code: "DETECT_ERROR",
      message: "failed to detect: buildpack(s) failed with err",
    });
    expect(said()).toContain("say err:  e@1.0.0 (7)");
  });

  test("names the executable that cannot be started", async () => {
    at.builder.add({ id: "a" });
    const path = join(at.builder.dir, "buildpacks/a/1.0.0/bin/detect");
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
    at.builder.add({ id: "a", detect: plan(text) });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(said().some((line) => expected.test(line))).toBe(true);
  });

  test("says which requirement nobody provides", async () => {
    at.builder.add({ id: "a", detect: plan('[[requires]]\nname = "thing"') });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_FAILED" });
    expect(said()).toContain("say fail: a@1.0.0 requires thing");
  });
});

describe("an order that cannot be used", () => {
  test("names a buildpack that is not there, before anything runs", async () => {
    at.builder.add({ id: "a", detect: "touch ran" });
    const path = join(at.builder.dir, "buildpacks/gone/1.0.0/buildpack.toml");
    await expect(run([["a", "gone"]])).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: `failed to initialize detector: open ${path}: no such file or directory`,
    });
    expect(existsSync(join(at.builder.app.path, "ran"))).toBe(false);
  });

  test("with a Buildpack API that we do not speak is BUILDPACK_API_UNSUPPORTED", async () => {
    at.builder.add({ id: "a", api: "0.99" });
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
    at.builder.add({ id: "self", tables: '[[order]]\n[[order.group]]\nid = "self"\nversion = "1.0.0"' });
    await expect(run([["self"]])).rejects.toMatchObject({ code: "DETECT_NOT_POSSIBLE" });
  });
});

describe("who may take part", () => {
  const arm = '[[targets]]\nos = "linux"\narch = "arm64"';

  test("a buildpack for another target is an error of its group, without being run", async () => {
    at.builder.add({ id: "a", tables: arm, detect: "touch ran" });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(existsSync(join(at.builder.app.path, "ran"))).toBe(false);
    expect(said()).toContain(
      'say unable to satisfy target os/arch constraints; run image: {"os":"linux","arch":"amd64","distro":{"name":"debian","version":"12"}}, buildpack: [{"os":"linux","arch":"arm64"}]',
    );
  });

  test("below Platform API 0.12 targets do not matter", async () => {
    at.builder.add({ id: "a", tables: arm });
    expect(ids(await run([["a"]], { api: "0.11" }))).toEqual(["a"]);
  });

  test("a buildpack for another execution environment is passed over", async () => {
    at.builder.add({ id: "t", api: "0.12", keys: 'exec-env = ["test"]' }, { id: "a", api: "0.12" });
    const order = [["t", "a"]];
    expect(ids(await run(order, { api: "0.15", execEnv: "production" }))).toEqual(["a"]);
    expect(ids(await run(order, { api: "0.15", execEnv: "test" }))).toEqual(["t", "a"]);
    expect(ids(await run(order, { api: "0.14", execEnv: "production" }))).toEqual(["t", "a"]);
  });

  test("an element of the order may be for some execution environments only", async () => {
    at.builder.add({ id: "t" }, { id: "a" });
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
    at.builder.add(
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
    at.builder.add({ id: "t", api: "0.12", keys: 'exec-env = ["test"]' }, { id: "a" });
    expect(ids(await run([["t"], ["a"]], { api: "0.15", execEnv: "production" }))).toEqual(["a"]);
    await expect(run([["t"]], { api: "0.15", execEnv: "production" })).rejects.toMatchObject({ code: "DETECT_FAILED" });
  });

  test("an optional buildpack of the operator may decline, another one ends the group", async () => {
    at.builder.add({ id: "pre", detect: "exit 100" }, { id: "a" });
    const withPre = (optional: boolean): Promise<DetectResult> =>
      run([["a"]], { api: "0.15", system: { pre: [{ id: "pre", optional }], post: [] } });
    expect(ids(await withPre(true))).toEqual(["a"]);
    await expect(withPre(false)).rejects.toMatchObject({ code: "DETECT_FAILED" });
  });

  test("the operator's buildpacks come before and after each group", async () => {
    at.builder.add({ id: "pre" }, { id: "a" }, { id: "post" });
    expect(ids(await run([["a"]], { api: "0.15", system: { pre: [{ id: "pre" }], post: [{ id: "post" }] } }))).toEqual([
      "pre",
      "a",
      "post",
    ]);
    expect(at.builder.log).toContain("debug Prepending 1 system buildpack(s) to group");
  });
});
