import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { building, toml } from "./build-fixture.ts";

const at = building();
const { run, layer, read } = at;

describe("SBOM files", () => {
  const formats = 'sbom-formats = ["application/vnd.cyclonedx+json; version=1.4", "application/spdx+json"]';

  test("go to the place of their layer's types", async () => {
    at.builder.add({
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
    at.builder.add({
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
    at.builder.add({ id: "a", keys: formats, build: `echo {} > "$1/${name}"` });
    await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringMatching(message) });
  });

  test("a legacy BOM is warned about as often as the reference does it: twice for build.toml", async () => {
    at.builder.add({ id: "a", api: "0.8", build: toml("build", '[[bom]]\nname = "n"') });
    await run(["a"], { bpApi: "0.8" });
    expect(at.builder.log.filter((line) => line.startsWith("warn BOM table is deprecated"))).toHaveLength(2);
  });

  test("a legacy BOM is written beside them from Platform API 0.9 and returned below", async () => {
    const bom = '[[bom]]\nname = "n"\n[bom.metadata]\nb = 1\na = "<"';
    at.builder.add({ id: "a", api: "0.8", build: toml("launch", bom) });
    const result = await run(["a"], { bpApi: "0.8" });
    expect(result.bom).toEqual([]);
    expect(read("sbom/launch/sbom.legacy.json")).toBe(
      '[{"name":"n","metadata":{"a":"\\u003c","b":1},"buildpack":{"id":"a","version":"1.0.0"}}]\n',
    );
    expect(at.builder.log.filter((line) => line.startsWith("warn BOM table is deprecated"))).toHaveLength(1);
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
  at.builder.add({ id: "a", keys: formats, build: `mkfifo "$1/${name}"` });
  await expect(run(["a"])).rejects.toMatchObject({ code: "BUILD_FAILED", message: expect.stringContaining(message) });
});
