import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import type { BuildpackLayerMetadata } from "../../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { decideLayers } from "../../../lifecycle/phases/restore/layer-decisions.ts";

const flags = [false, true] as const;

function layer(types: string): BuildpackLayerMetadata {
  return {
    sha: "sha256:00",
    data: undefined,
    build: types.includes("b"),
    launch: types.includes("l"),
    cache: types.includes("c"),
  };
}

/** Where the metadata file of a layer comes from, with the layer in the image, in the cache or both. */
function origin(types: string, inImage: boolean, inCache: boolean, api = "0.13"): string {
  const decisions = decideLayers(
    inImage ? { x: layer(types) } : {},
    inCache ? { x: layer(types) } : {},
    platformFeatures(api),
  );
  return decisions.map((decision) => (decision.kind === "restore" ? decision.from : "")).join("");
}

describe("which metadata files come back", () => {
  test.each([
    // types, image only, cache only, both
    ["l", "previous-image", "", "previous-image"],
    ["lb", "", "", ""],
    ["lc", "", "", "previous-image"],
    ["lbc", "", "", "previous-image"],
    ["c", "", "cache", "cache"],
    ["bc", "", "cache", "cache"],
    ["b", "", "", ""],
  ])("of a layer with types %j", (types, image, cache, both) => {
    expect([origin(types, true, false), origin(types, false, true), origin(types, true, true)]).toEqual([
      image,
      cache,
      both,
    ]);
  });

  test("from Platform API 0.14 a launch layer comes back from the cache alone", () => {
    expect(origin("lc", false, true, "0.14")).toBe("cache");
    expect(origin("lc", true, true, "0.14")).toBe("previous-image");
  });

  test("a layer that the cache has with cache=false is not used for one of the image", () => {
    const decisions = decideLayers({ x: layer("lc") }, { x: layer("l") }, platformFeatures("0.14"));
    expect(decisions.every((decision) => decision.kind === "skip")).toBe(true);
  });

  test("every decision says why a layer is left out", () => {
    for (const build of flags)
      for (const cache of flags) {
        const types = `${build ? "b" : ""}${cache ? "c" : ""}`;
        for (const decision of decideLayers({ x: layer(types) }, {}, platformFeatures("0.13"))) {
          expect(decision).toMatchObject({ kind: "skip", reason: "marked as launch=false" });
        }
      }
  });
});
