import { describe, expect, test } from "vitest";
import { decodeAnalyzed, encodeAnalyzed } from "../../../lifecycle/cnb/files/analyzed.ts";
import { decodeGroup, decodeOrder, encodeGroup, encodeOrder } from "../../../lifecycle/cnb/files/group.ts";
import {
  decodeCacheMetadata,
  decodeLayersMetadata,
  encodeCacheMetadata,
  encodeLayersMetadata,
} from "../../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { decodeBuildMetadata, encodeBuildMetadata } from "../../../lifecycle/cnb/files/metadata-toml.ts";
import { encodeReport } from "../../../lifecycle/cnb/files/report.ts";
import { readBom } from "../../../lifecycle/cnb/files/bom.ts";
import { platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import { decodePlan, encodePlan } from "../../../lifecycle/cnb/files/plan.ts";
import { decodeBuildLabel, encodeBuildLabel } from "../../../lifecycle/cnb/labels.ts";
import { decodeToml } from "../../../lifecycle/decode.ts";
import { parseToml, type TomlDocument } from "../../../lifecycle/toml.ts";
import { type GoldenFile, goldenDir, goldenFiles, goldenLabels } from "../golden.ts";

type Rewrite = (file: GoldenFile, document: TomlDocument) => string;

function rewriteMetadata({ platformApi }: GoldenFile, document: TomlDocument): string {
  return encodeBuildMetadata(decodeBuildMetadata(document), platformFeatures(platformApi));
}

function rewriteReport(_: GoldenFile, document: TomlDocument): string {
  return decodeToml(document, { code: "INVALID_TOML" }, (root) => {
    const image = root.subTable("image");
    return encodeReport({
      bom: readBom(root.subTable("build"), undefined),
      image: {
        tags: image.strings("tags") ?? [],
        digest: image.string("digest"),
        manifestSize: image.integer("manifest-size"),
      },
    });
  });
}

const rewrites: readonly (readonly [string, Rewrite])[] = [
  ["group.toml", (_, document) => encodeGroup(decodeGroup(document))],
  ["analyzed.toml", (_, document) => encodeAnalyzed(decodeAnalyzed(document))],
  ["metadata.toml", rewriteMetadata],
  ["report.toml", rewriteReport],
  ["plan.toml", (_, document) => encodePlan(decodePlan(document))],
];

describe.skipIf(goldenDir === undefined)("recorded files are read and written again byte for byte", () => {
  test.each(rewrites)("%s", (name, rewrite) => {
    const files = goldenFiles(name);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(rewrite(file, parseToml(file.text, file.path)), file.path).toBe(file.text);
  });
});

/** What came from TOML as an integer comes back from JSON as a float, in the reference too. */
function asFloats(text: string): string {
  return text.replaceAll("9007199254740993", "9007199254740992");
}

describe.skipIf(goldenDir === undefined)("recorded JSON is read and written again byte for byte", () => {
  test("the metadata of caches", () => {
    const files = goldenFiles("cache-metadata.json");
    expect(files.length).toBeGreaterThan(0);
    for (const { path, text } of files) {
      expect(encodeCacheMetadata(decodeCacheMetadata(Buffer.from(text), path)), path).toBe(asFloats(text));
    }
  });

  test("the label io.buildpacks.build.metadata", () => {
    const labels = goldenLabels("io.buildpacks.build.metadata");
    expect(labels.length).toBeGreaterThan(0);
    for (const { path, text, platformApi } of labels) {
      const { launcher, ...label } = decodeBuildLabel(text);
      const metadata = { ...label, labels: [], slices: [] };
      expect(encodeBuildLabel(metadata, launcher, platformFeatures(platformApi)), path).toBe(text);
    }
  });

  test("the label io.buildpacks.lifecycle.metadata", () => {
    const labels = goldenLabels("io.buildpacks.lifecycle.metadata");
    expect(labels.length).toBeGreaterThan(0);
    for (const { path, text } of labels) {
      expect(encodeLayersMetadata(decodeLayersMetadata(text)), path).toBe(asFloats(text));
    }
  });
});

test("an order with extensions is read with its marks and written without them", () => {
  const text = [
    "[[order]]",
    "",
    "  [[order.group]]",
    '    id = "a/b"',
    '    version = "1"',
    "    optional = true",
    "",
    "[[order-extensions]]",
    "",
    "  [[order-extensions.group]]",
    '    id = "x"',
    '    version = "2"',
    "",
  ].join("\n");
  const order = decodeOrder(parseToml(text, "order.toml"));
  expect(order.orderExtensions[0]?.group).toEqual([{ id: "x", version: "2", extension: true, optional: true }]);
  expect(encodeOrder(order)).toBe(text);
});

test.each([
  [
    "group",
    () => decodeGroup(parseToml("[[group]]\nid = ''\n[[group]]\nid = 'a'\napi = 0.10", "g.toml")),
    "INVALID_GROUP",
    ["g.toml:2:1", "g.toml:5:1"],
  ],
  [
    "order",
    () => decodeOrder(parseToml("[[order]]\n[[order.group]]\nid = 3", "o.toml")),
    "INVALID_ORDER",
    ["o.toml:3:1"],
  ],
  ["plan", () => decodePlan(parseToml("entries = [1]", "p.toml")), "INVALID_PLAN", ["p.toml:1:12"]],
])("problems of a %s are reported with their places", (_, read, code, sources) => {
  expect(read).toThrow(
    expect.objectContaining({ code, issues: sources.map((source) => expect.objectContaining({ source }) as unknown) }),
  );
});
