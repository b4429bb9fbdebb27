import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyEnv,
  buildEnvironment,
  type EnvFile,
  envModifications,
  layerPathModifications,
  platformModifications,
} from "../../lifecycle/cnb/env.ts";

function files(object: Readonly<Record<string, string>>): readonly EnvFile[] {
  return Object.entries(object).map(([name, value]) => ({ name, value }));
}

function apply(current: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(applyEnv(new Map(Object.entries(current)), envModifications(files(env), "override")));
}

describe("files of an env directory", () => {
  test.each([
    [{ A: "old" }, { A: "new" }, { A: "new" }],
    [{ A: "old" }, { "A.override": "new" }, { A: "new" }],
    [{ A: "old" }, { "A.default": "new" }, { A: "old" }],
    [{ A: "" }, { "A.default": "new" }, { A: "new" }],
    [{ A: "old" }, { "A.append": "new" }, { A: "oldnew" }],
    [{ A: "old" }, { "A.append": "new", "A.delim": "**" }, { A: "old**new" }],
    [{ A: "old" }, { "A.prepend": "new" }, { A: "newold" }],
    [{ A: "old" }, { "A.delim": ";", "A.prepend": "new" }, { A: "new;old" }],
    [{}, { "A.append": "new", "A.delim": ";" }, { A: "new" }],
    [{ A: "" }, { "A.delim": ";", "A.prepend": "new" }, { A: "new" }],
    [{ A: "old" }, { "A.": "new" }, { A: "new:old" }],
    [{ A: "old" }, { "A.": "new", "A.delim": ";" }, { A: "new;old" }],
    [{ A: "old" }, { "A.unknown": "new", "A.prepend.txt": "x" }, { A: "old" }],
    [{}, { ".append": "x", "B=C": "y", "=": "z" }, {}],
    [{}, { __proto__x: "1", A: "a=b\n" }, { __proto__x: "1", A: "a=b\n" }],
  ])("%j and %j give %j", (current, env, expected) => {
    expect(apply(current, env)).toEqual(expected);
  });

  test("several changes of one variable follow each other in the order of the names", () => {
    expect(apply({ A: "0" }, { A: "1", "A.append": "2", "A.prepend": "3" })).toEqual({ A: "312" });
  });

  test("the operator's files are defaults", () => {
    const modifications = envModifications(files({ A: "new", B: "b" }), "default");
    expect(Object.fromEntries(applyEnv(new Map([["A", "old"]]), modifications))).toEqual({ A: "old", B: "b" });
  });
});

test("the user's files replace, except for path variables, which they stand before", () => {
  const modifications = platformModifications(files({ HOME: "/h", PATH: "/p", CPATH: "/c", "A.append": "literal" }));
  const environment = new Map([
    ["PATH", "/bin"],
    ["HOME", "/root"],
  ]);
  expect(Object.fromEntries(applyEnv(environment, modifications))).toEqual({
    HOME: "/h",
    PATH: "/p:/bin",
    CPATH: "/c",
    "A.append": "literal",
  });
});

test("directories of a layer stand before the path variables", () => {
  const modifications = layerPathModifications("/layers/a/l", new Set(["bin", "lib", "include", "pkgconfig"]));
  expect(Object.fromEntries(applyEnv(new Map([["PATH", "/bin"]]), modifications))).toEqual({
    PATH: "/layers/a/l/bin:/bin",
    LD_LIBRARY_PATH: "/layers/a/l/lib",
    LIBRARY_PATH: "/layers/a/l/lib",
    CPATH: "/layers/a/l/include",
    PKG_CONFIG_PATH: "/layers/a/l/pkgconfig",
  });
  expect(layerPathModifications("/l", new Set())).toEqual([]);
});

test("buildpacks see known names of the phase's environment only", () => {
  const environment = Object.entries({
    PATH: "/bin",
    HOME: "/h",
    CNB_REGISTRY_AUTH: "{}",
    AWS_SECRET: "x",
    http_proxy: "p",
  });
  expect([...buildEnvironment(environment).keys()]).toEqual(["PATH", "HOME", "http_proxy"]);
});

const action = fc.constantFrom("", ".append", ".prepend", ".override", ".default", ".delim", ".");
const anyFiles = fc
  .dictionary(
    fc.tuple(fc.constantFrom("A", "B"), action).map(([name, suffix]) => name + suffix),
    fc.string({ minLength: 1 }),
  )
  .map(files);
const anyEnvironment = fc
  .dictionary(fc.constantFrom("A", "C"), fc.string())
  .map((object) => new Map(Object.entries(object)));

test("no change touches another variable, and what was set never becomes empty", () => {
  fc.assert(
    fc.property(anyEnvironment, anyFiles, (environment, env) => {
      const before = new Map(environment);
      const result = applyEnv(environment, envModifications(env, "override"));
      expect(environment).toEqual(before);
      expect(result.get("C")).toBe(environment.get("C"));
      for (const [name, value] of environment) if (value !== "") expect(result.get(name)).not.toBe("");
    }),
  );
});
