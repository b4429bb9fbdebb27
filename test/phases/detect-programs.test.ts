import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { detect, type DetectResult, refuseExtensions } from "../../lifecycle/phases/detect.ts";
import { detecting, ids, plan } from "./detect-fixture.ts";

const at = detecting();
const { run, said, seen } = at;

const extension = (id: string, files: Readonly<Record<string, string>>): void => {
  const root = `extensions/${id}/1.0.0`;
  at.builder.write(`${root}/extension.toml`, `api = "0.10"\n[extension]\nid = "${id}"\nversion = "1.0.0"\n`);
  for (const [name, text] of Object.entries(files)) {
    at.builder.write(`${root}/${name}`, text);
    chmodSync(join(at.builder.dir, root, name), 0o755);
  }
};
const withExtension = (id: string): Promise<DetectResult> =>
  detect(
    {
      ...at.builder.inputs(),
      order: {
        order: [{ group: [{ id: "a", version: "1.0.0" }] }],
        orderExtensions: [{ group: [{ id, version: "1.0.0", extension: true, optional: true }] }],
      },
      extensionsDir: join(at.builder.dir, "extensions"),
      system: undefined,
    },
    { ctx: at.builder.ctx },
  );

describe("an order with extensions", () => {
  test("passes without one that declines", async () => {
    at.builder.add({ id: "a" });
    extension("x", { "bin/detect": '#!/bin/sh\ntest -n "$CNB_EXTENSION_DIR" || exit 1\nexit 100\n' });
    expect(await withExtension("x")).toMatchObject({ group: { group: [{ id: "a" }], groupExtensions: [] } });
  });

  test("has one that provides what a buildpack requires, also when its plan is a file", async () => {
    at.builder.add({ id: "a", detect: plan('[[requires]]\nname = "curl"') });
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
    at.builder.add({ id: "a", detect: "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; exit 1" });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    const output = said().find((line) => line.startsWith("say first")) ?? "";
    expect(output.length).toBeLessThan(1_100_000);
    expect(output).toMatch(/\n\[\d+ bytes left out\]\n/);
    expect(output.endsWith("\nlast\n")).toBe(true);
  });

  test("by putting a FIFO in the place of its plan is an error and no endless wait", async () => {
    at.builder.add({ id: "a", detect: 'rm "$2"; mkfifo "$2"' });
    await expect(run([["a"]])).rejects.toMatchObject({ code: "DETECT_ERROR" });
    expect(said().some((line) => line.endsWith("is not a regular file"))).toBe(true);
  });

  test("by leaving a process behind holds nothing up", async () => {
    at.builder.add({ id: "a", detect: "sleep 60 & exit 0" });
    expect(ids(await run([["a"]]))).toEqual(["a"]);
  });

  test("is stopped by an abort, and nothing else is shown as the reason", async () => {
    at.builder.add({ id: "a", detect: "touch ran; sleep 60" }, { id: "b", detect: "sleep 60" });
    const controller = new AbortController();
    const inputs = {
      ...at.builder.inputs(),
      order: { order: [{ group: ["a", "b"].map((id) => ({ id, version: "1.0.0" })) }], orderExtensions: [] },
      system: undefined,
    };
    const running = detect(inputs, { ctx: { ...at.builder.ctx, signal: controller.signal } });
    setTimeout(() => controller.abort(), 200);
    await expect(running).rejects.toMatchObject({ code: "CANCELED" });
  });
});

describe("what bin/detect is given", () => {
  const environment =
    'env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= -e ^CNB_BUILD_PLAN_PATH= | sort > env; echo "$@" > args; test -w "${CNB_BUILD_PLAN_PATH:-$2}"';

  test("is the environment of its API, with the user's and the operator's variables, and nothing else of ours", async () => {
    at.builder.add({ id: "a", api: "0.12", detect: environment });
    at.builder.write("platform/env/USER_VAR", "from user");
    at.builder.write("platform/env/PATH", "/user/bin");
    at.builder.write("build-config/env/OP", "operator");
    await run([["a"]], { execEnv: "production" });
    expect(seen()).toEqual([
      `CNB_BUILDPACK_DIR=${join(at.builder.dir, "buildpacks/a/1.0.0")}`,
      "CNB_EXEC_ENV=production",
      `CNB_PLATFORM_DIR=${join(at.builder.dir, "platform")}`,
      "CNB_TARGET_ARCH=amd64",
      "CNB_TARGET_DISTRO_NAME=debian",
      "CNB_TARGET_DISTRO_VERSION=12",
      "CNB_TARGET_OS=linux",
      "HOME=/home/cnb",
      "OP=operator",
      "PATH=/user/bin:/usr/bin:/bin",
      "USER_VAR=from user",
    ]);
    expect(readFileSync(join(at.builder.app.path, "args"), "utf8")).toMatch(
      new RegExp(`^${join(at.builder.dir, "platform")} /.*/plan\\.toml\n$`),
    );
  });

  test("leaves the user's variables out with clear-env", async () => {
    at.builder.add({ id: "a", api: "0.7", keys: "clear-env = true", detect: environment });
    at.builder.write("platform/env/USER_VAR", "from user");
    await run([["a"]]);
    expect(seen()).toEqual([
      `CNB_BUILDPACK_DIR=${join(at.builder.dir, "buildpacks/a/1.0.0")}`,
      "HOME=/home/cnb",
      "PATH=/usr/bin:/bin",
    ]);
  });

  test("works when the build configuration is not there", async () => {
    at.builder.add({ id: "a" });
    rmSync(join(at.builder.dir, "platform"), { recursive: true });
    expect(ids(await run([["a"]]))).toEqual(["a"]);
  });
});
