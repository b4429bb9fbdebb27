import { describe, expect, test } from "vitest";
import { type BuildpackFeatures, buildpackFeatures } from "../../../lifecycle/cnb/api/buildpack.ts";
import { checkBom } from "../../../lifecycle/cnb/files/bom.ts";
import { decodeBuildToml } from "../../../lifecycle/cnb/files/build-toml.ts";
import { decodeLaunchToml, ignoredWorkingDirectories } from "../../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayerToml, encodeRestoredLayer } from "../../../lifecycle/cnb/files/layer-toml.ts";
import { encodeStoreToml } from "../../../lifecycle/cnb/files/store-toml.ts";
import { mergeProcesses } from "../../../lifecycle/cnb/launch.ts";
import { parseToml } from "../../../lifecycle/toml.ts";

const buildpack = { id: "a/b", version: "1" };

function features(api: string): BuildpackFeatures {
  return buildpackFeatures(api, { kind: "Buildpack", name: "a/b@1" });
}

function launch(text: string, api: string) {
  return decodeLaunchToml(parseToml(text, "launch.toml"), features(api), buildpack);
}

describe("launch.toml", () => {
  test("a command is an array from Buildpack API 0.9, and the process direct", () => {
    const text = '[[processes]]\ntype = "w"\ncommand = ["a", "b"]\nargs = []\nworking-dir = "/x"';
    expect(launch(text, "0.9").processes).toEqual([
      { type: "w", command: ["a", "b"], args: [], direct: true, default: false, workingDirectory: "/x", execEnv: [] },
    ]);
  });

  test("below it is a string for a shell, unless the process is direct", () => {
    const text = '[[processes]]\ntype = "w"\ncommand = "a b"\nworking-dir = "/x"';
    expect(launch(text, "0.8").processes).toMatchObject([
      { command: ["a b"], args: undefined, direct: false, workingDirectory: "/x" },
    ]);
    expect(launch(`${text}\ndirect = true`, "0.8").processes).toMatchObject([{ direct: true }]);
  });

  test("a working directory is ignored below Buildpack API 0.8, and that can be told", () => {
    const text = '[[processes]]\ntype = "w"\ncommand = "a"\nworking-dir = "/x"';
    expect(launch(text, "0.7").processes).toMatchObject([{ workingDirectory: "" }]);
    expect(ignoredWorkingDirectories(parseToml(text, "launch.toml"), features("0.7"))).toEqual(["w"]);
    expect(ignoredWorkingDirectories(parseToml(text, "launch.toml"), features("0.8"))).toEqual([]);
  });

  test.each([
    ["0.9", '[[processes]]\ncommand = "x"', { issues: [expect.objectContaining({ source: "launch.toml:2:1" })] }],
    ["0.8", '[[processes]]\ncommand = ["x"]', { issues: [expect.objectContaining({ source: "launch.toml:2:1" })] }],
    ["0.8", '[[processes]]\ntype = "x"', { issues: [expect.objectContaining({ path: "processes[0].command" })] }],
    ["0.9", "[[processes]]\ndirect = false", { message: "process.direct is not supported on this buildpack version" }],
    [
      "0.9",
      '[[processes]]\ntype="a"\ndefault=true\n[[processes]]\ntype="b"\ndefault=true',
      { message: "multiple default process types aren't allowed" },
    ],
  ])("at %s %j is refused", (api, text, details) => {
    expect(() => launch(text, api)).toThrow(expect.objectContaining({ code: "INVALID_LAYER", ...details }));
  });

  test("entries of the old BOM get the buildpack that wrote them", () => {
    const { bom } = launch('[[bom]]\nname = "x"\nversion = "1"\n[bom.buildpack]\nid = "other"', "0.8");
    expect(bom).toEqual([{ name: "x", version: "1", metadata: undefined, buildpack }]);
    expect(() => checkBom(bom, "launch.toml")).toThrow(expect.objectContaining({ code: "INVALID_LAYER" }));
  });
});

function declared(type: string, isDefault = false, program = "x") {
  const rest = { args: undefined, direct: true, workingDirectory: "", execEnv: [] };
  return { type, command: [program], default: isDefault, ...rest };
}

describe("mergeProcesses", () => {
  test("later processes replace earlier ones of their type, and the last default wins", () => {
    const merged = mergeProcesses([
      { buildpackId: "a", processes: [declared("z", true), declared("b", false, "first")] },
      { buildpackId: "b", processes: [declared("b", true, "second")] },
    ]);
    expect(merged.processes.map(({ type, command, buildpackId }) => [type, command[0], buildpackId])).toEqual([
      ["b", "second", "b"],
      ["z", "x", "a"],
    ]);
    expect(merged).toMatchObject({ defaultType: "b", warnings: [] });
    expect(merged.processes.every((process) => !process.default)).toBe(true);
  });

  test("a default that is redefined without default is none any more, with a warning", () => {
    const merged = mergeProcesses([
      { buildpackId: "a", processes: [declared("w", true)] },
      { buildpackId: "b", processes: [declared("w")] },
    ]);
    expect(merged.defaultType).toBeUndefined();
    expect(merged.warnings).toHaveLength(1);
  });
});

describe("layer and store metadata", () => {
  test("a layer's flags stand in [types]", () => {
    expect(decodeLayerToml(parseToml("[types]\nlaunch = true\n[metadata]\na = 1", "l.toml"))).toEqual({
      build: false,
      launch: true,
      cache: false,
      metadata: { a: 1n },
    });
    expect(() => decodeLayerToml(parseToml("x = 1\nlaunch = true", "/layers/l.toml"))).toThrow(
      expect.objectContaining({
        code: "INVALID_LAYER",
        message: "the launch, cache and build flags should be in the types table of /layers/l.toml",
        issues: [expect.objectContaining({ source: "/layers/l.toml:2:1" })],
      }),
    );
  });

  test("a restored layer has its metadata and no types", () => {
    expect(encodeRestoredLayer({ n: 3, a: { b: 1 } })).toBe("[metadata]\n  n = 3.0\n  [metadata.a]\n    b = 1.0\n");
    expect(encodeRestoredLayer(undefined)).toBe("");
    expect(encodeStoreToml({ metadata: {} })).toBe("[metadata]\n");
  });
});

test("build.toml names what is unmet", () => {
  expect(decodeBuildToml(parseToml('[[unmet]]\nname = "x"', "build.toml"), buildpack).unmet).toEqual([{ name: "x" }]);
});
