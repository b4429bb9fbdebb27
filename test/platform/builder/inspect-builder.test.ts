import { describe, expect, test } from "vitest";
import { structuredText } from "../../../lifecycle/cli/structured.ts";
import { imageFromParts } from "../../../lifecycle/oci/memory-image.ts";
import { detectionOrder, detectionTree } from "../../../lifecycle/platform/builder/detection-order.ts";
import { inspectBuilderImage } from "../../../lifecycle/platform/builder/inspect-builder.ts";
import { parseToml } from "../../../lifecycle/toml.ts";

// As other tools of the ecosystem write them.
const labels = {
  "io.buildpacks.builder.metadata": JSON.stringify({
    description: "Some builder",
    buildpacks: [
      { id: "b/two", version: "2", homepage: "https://example.com" },
      { id: "a/one", version: "1" },
      { id: "a/one", version: "1" },
    ],
    extensions: null,
    stack: { runImage: { image: "run", mirrors: ["mirror/run"] } },
    lifecycle: {
      version: "0.20.1",
      api: { buildpack: "0.7", platform: "0.7" },
      apis: {
        buildpack: { deprecated: ["0.6"], supported: ["0.7"] },
        platform: { deprecated: [], supported: ["0.14"] },
      },
    },
    createdBy: { name: "Pack CLI", version: "0.36.0" },
    images: [{ image: "run", mirrors: ["mirror/run"] }],
  }),
  "io.buildpacks.buildpack.order":
    '[{"group":[{"id":"b/two"}]},{"group":[{"id":"a/one","version":"1","optional":true}]}]',
  "io.buildpacks.buildpack.layers": JSON.stringify({
    "b/two": { "2": { api: "0.7", layerDiffID: "sha256:x", order: [{ group: [{ id: "a/one", version: "1" }] }] } },
    "a/one": { "1": { api: "0.7", layerDiffID: "sha256:y", order: [{ group: [{ id: "b/two", version: "2" }] }] } },
  }),
  "io.buildpacks.stack.id": "some.stack",
};

const image = (of: Readonly<Record<string, string>>): ReturnType<typeof imageFromParts> =>
  imageFromParts({ format: "oci", layers: [], config: { os: "linux", architecture: "amd64", config: { Labels: of } } });

describe("inspecting a builder", () => {
  test("tells what the labels of another platform's builder say", async () => {
    expect(await inspectBuilderImage(image(labels), "b", 0)).toEqual({
      description: "Some builder",
      created_by: { name: "Pack CLI", version: "0.36.0" },
      stack: { id: "some.stack" },
      lifecycle: {
        version: "0.20.1",
        buildpack_apis: { deprecated: ["0.6"], supported: ["0.7"] },
        platform_apis: { deprecated: [], supported: ["0.14"] },
      },
      run_images: [{ name: "run" }, { name: "mirror/run" }],
      buildpacks: [
        { id: "a/one", version: "1" },
        { id: "b/two", version: "2", homepage: "https://example.com" },
      ],
      detection_order: [
        { buildpacks: [{ id: "b/two" }] },
        { buildpacks: [{ id: "a/one", version: "1", optional: true }] },
      ],
    });
  });

  test("of an image that is none is refused", async () => {
    await expect(inspectBuilderImage(image({}), "b", 0)).rejects.toMatchObject({ code: "INVALID_BUILDER" });
    const broken = image({ ...labels, "io.buildpacks.buildpack.order": "{" });
    await expect(inspectBuilderImage(broken, "b", 0)).rejects.toMatchObject({ code: "INVALID_JSON" });
  });
});

describe("a detection order", () => {
  const layer = (id: string, parts: readonly string[]) => ({
    id,
    version: "1",
    api: "",
    diffId: "",
    stacks: [],
    order: parts.length === 0 ? [] : [{ group: parts.map((part) => ({ id: part, version: "1" })) }],
  });
  const layers = [layer("a", ["b", "c"]), layer("b", ["d"]), layer("c", []), layer("d", ["a"])];
  const order = [{ group: [{ id: "a", version: "1", optional: true }] }];

  test("unfolds composites to the depth, and stops where one contains itself", () => {
    expect(detectionTree(detectionOrder(order, layers, undefined))).toBe(
      [
        " └ Group #1:",
        "    └ a@1  (optional)",
        "       └ Group #1:",
        "          ├ b@1",
        "          │  └ Group #1:",
        "          │     └ d@1",
        "          │        └ Group #1:",
        "          │           └ a@1  [cyclic]",
        "          └ c@1",
        "",
      ].join("\n"),
    );
    expect(detectionTree(detectionOrder(order, layers, 1))).toBe(
      " └ Group #1:\n    └ a@1  (optional)\n       └ Group #1:\n          ├ b@1\n          └ c@1\n",
    );
  });
});

describe("structured output", () => {
  const value = { a: "x y", b: [], c: [{ d: 1, e: undefined }, ["f"]], g: null, h: { i: "yes", j: {} }, k: "0.10" };

  test("in YAML quotes what would be read as something else", () => {
    expect(structuredText(value, "yaml")).toBe(
      'a: "x y"\nb: []\nc:\n- d: 1\n-\n  - f\ng: null\nh:\n  i: "yes"\n  j: {}\nk: "0.10"\n',
    );
  });

  test("in TOML leaves out what it has no word for, and can be read back", () => {
    const { table } = parseToml(structuredText({ a: "x", g: null, h: { i: [1, 2] } }, "toml"), "t");
    expect(table).toEqual({ a: "x", h: { i: [1n, 2n] } });
  });

  test("in JSON is what was given", () => {
    expect(JSON.parse(structuredText(value, "json"))).toEqual({ ...value, c: [{ d: 1 }, ["f"]] });
  });
});
