import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parsePlatformApi } from "../../lifecycle/cnb/api/platform.ts";
import { InputError } from "../../lifecycle/errors.ts";
import type { PhaseCommand } from "../../lifecycle/cli/options.ts";
import { type Env, flagsOf, type PhaseArguments, readPhaseArguments } from "../../lifecycle/cli/phase-options.ts";

const read = (phase: PhaseCommand, argv: readonly string[], env: Env = {}, api = "0.15"): PhaseArguments =>
  readPhaseArguments(phase, parsePlatformApi(api), argv, env);

const folder = mkdtempSync(join(tmpdir(), "tspack-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("inputs of a phase", () => {
  test("a flag counts before its variable, and that before the default", () => {
    const env = { CNB_APP_DIR: "/from/env" };
    expect(read("detect", ["-app", "/from/flag"], env).options.app).toBe("/from/flag");
    expect(read("detect", [], env).options.app).toBe("/from/env");
    expect(read("detect", []).options.app).toBe("/workspace");
  });

  test("paths below the layers directory follow it", () => {
    const { options } = read("build", ["-layers", "/l"]);
    expect([options.group, options.plan, options.analyzed]).toEqual([
      "/l/group.toml",
      "/l/plan.toml",
      "/l/analyzed.toml",
    ]);
  });

  test("the order is that of the layers directory when there is one, else the builder's", () => {
    expect(read("detect", ["-layers", folder]).options.order).toBe("/cnb/order.toml");
    writeFileSync(join(folder, "order.toml"), "");
    expect(read("detect", ["-layers", folder]).options.order).toBe(join(folder, "order.toml"));
  });

  test("directories are made absolute, files are left as they are", () => {
    const { options } = read("detect", ["-app", "app", "-group", "group.toml"]);
    expect(options.app).toBe(join(process.cwd(), "app"));
    expect(options.group).toBe("group.toml");
  });

  test("every bad variable is named at once, instead of counting as 0 or false", () => {
    const env = { CNB_USER_ID: "abc", CNB_GROUP_ID: "-1", CNB_USE_LAYOUT: "maybe" };
    let thrown: unknown;
    try {
      read("export", ["image"], env);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InputError);
    const { code, issues } = thrown as InputError;
    expect(code).toBe("INVALID_ENV");
    expect(issues.map(({ source, got }) => `${source} ${got}`).toSorted()).toEqual([
      'env CNB_GROUP_ID "-1"',
      'env CNB_USER_ID "abc"',
      'env CNB_USE_LAYOUT "maybe"',
    ]);
  });

  test.each(["CNB_SKIP_LAYERS", "CNB_SKIP_RESTORE"])(
    "%s counts for every phase that restores, after its flag",
    (name) => {
      const env = { [name]: "true" };
      const skips = (phase: PhaseCommand, argv: readonly string[] = []): readonly boolean[] => {
        const { skipLayers, skipRestore } = read(phase, [...argv, "image"], env).options;
        return [skipLayers, skipRestore];
      };
      expect([skips("analyze"), skips("restore"), skips("create")]).toEqual([
        [true, true],
        [true, true],
        [true, true],
      ]);
      expect([skips("restore", ["-skip-layers=false"]), skips("create", ["-skip-restore=false"])]).toEqual([
        [false, false],
        [false, false],
      ]);
    },
  );

  test("a list comes from the flag, or from the variable with commas", () => {
    expect(read("analyze", ["-tag", "a", "-tag", "b", "image"]).options.tag).toEqual(["a", "b"]);
    expect(read("analyze", ["image"], { CNB_INSECURE_REGISTRIES: "a:1,b" }).options.insecureRegistry).toEqual([
      "a:1",
      "b",
    ]);
  });

  test("which flags were given is known, as some are only forbidden as flags", () => {
    const { given, args } = read("export", ["-run-image", "r", "image", "tag"], { CNB_PROCESS_TYPE: "web" });
    expect([...given]).toEqual(["run-image"]);
    expect(args).toEqual(["image", "tag"]);
  });
});

describe("flags by Platform API", () => {
  const has = (phase: PhaseCommand, api: string, name: string): boolean =>
    flagsOf(phase, parsePlatformApi(api)).some((flag) => flag.name === name);

  test.each([
    ["analyze", "run", "0.12"],
    ["analyze", "insecure-registry", "0.13"],
    ["analyze", "skip-layers", "0.9"],
    ["detect", "system", "0.15"],
    ["detect", "build-config", "0.11"],
    ["restore", "run", "0.14"],
    ["rebase", "force", "0.12"],
    ["rebase", "previous-image", "0.11"],
  ] as const)("%s has -%s from %s on", (phase, name, since) => {
    const minor = Number(since.split(".")[1]);
    expect([has(phase, `0.${minor - 1}`, name), has(phase, since, name), has(phase, "0.15", name)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("-stack of the analyzer ends with 0.12", () => {
    expect([has("analyze", "0.11", "stack"), has("analyze", "0.12", "stack")]).toEqual([true, false]);
  });
});
