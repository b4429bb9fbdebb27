import { describe, expect, test } from "vitest";
import { decodeGroup, decodeOrder, encodeGroup, encodeOrder } from "../../../lifecycle/cnb/files/group.ts";
import { decodePlan, encodePlan } from "../../../lifecycle/cnb/files/plan.ts";
import { parseToml, type TomlDocument } from "../../../lifecycle/toml.ts";
import { type GoldenFile, goldenDir, goldenFiles } from "../golden.ts";

type Rewrite = (file: GoldenFile, document: TomlDocument) => string;

const rewrites: readonly (readonly [string, Rewrite])[] = [
  ["group.toml", (_, document) => encodeGroup(decodeGroup(document))],
  ["plan.toml", (_, document) => encodePlan(decodePlan(document))],
];

describe.skipIf(goldenDir === undefined)("recorded files are read and written again byte for byte", () => {
  test.each(rewrites)("%s", (name, rewrite) => {
    const files = goldenFiles(name);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(rewrite(file, parseToml(file.text, file.path)), file.path).toBe(file.text);
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
  ["order", () => decodeOrder(parseToml("[[order]]\n[[order.groups]]", "o.toml")), "INVALID_ORDER", ["o.toml:1:1"]],
  ["plan", () => decodePlan(parseToml("entries = [1]", "p.toml")), "INVALID_PLAN", ["p.toml:1:12"]],
])("problems of a %s are reported with their places", (_, read, code, sources) => {
  expect(read).toThrow(
    expect.objectContaining({ code, issues: sources.map((source) => expect.objectContaining({ source }) as unknown) }),
  );
});
