import { expect, test } from "vitest";
import { decode, decodeToml, parseJson } from "../lifecycle/decode.ts";
import { InputError } from "../lifecycle/errors.ts";
import { parseToml } from "../lifecycle/toml.ts";

const text = ["name = 3", "list = ['a', 1]", "[[targets]]", "os = 'linux'", "[[targets]]", "os = false"].join("\n");

function readBuildpack(): unknown {
  return decodeToml(parseToml(text, "b.toml"), { code: "INVALID_BUILDPACK" }, (root) => ({
    name: root.requiredString("name"),
    id: root.requiredString("id"),
    list: root.strings("list"),
    os: root.tables("targets").map((target) => target.string("os")),
  }));
}

test("all problems are reported at once, with their places and what was found", () => {
  let error: unknown;
  try {
    readBuildpack();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({
    code: "INVALID_BUILDPACK",
    message: "4 problems in b.toml",
    issues: [
      { source: "b.toml:1:1", path: "name", expected: "a string", got: "integer 3" },
      { source: "b.toml", path: "id", got: "nothing" },
      { source: "b.toml:2:14", path: "list[1]", got: "integer 1" },
      { source: "b.toml:6:1", path: "targets[1].os", expected: "a string", got: "boolean false" },
    ],
  });
});

test("null of JSON is an absent value, and free values lose it", () => {
  const value = parseJson('{"a": null, "m": {"x": null, "y": [1, null]}}', "label");
  const read = decode(value, { code: "INVALID_JSON", source: "label" }, (root) => [
    root.string("a"),
    root.freeTable("m"),
  ]);
  expect(read).toEqual([undefined, { y: [1] }]);
});

test("inherited properties are no keys", () => {
  const read = decode({}, { code: "INVALID_JSON", source: "label" }, (root) => root.raw("toString"));
  expect(read).toBeUndefined();
});

test("text that is no JSON names its source", () => {
  expect(() => parseJson("{", "label io.buildpacks.x")).toThrow(expect.objectContaining({ code: "INVALID_JSON" }));
});

test("a root that is no table is a problem", () => {
  expect(() => decode([], { code: "INVALID_JSON", source: "x" }, () => 1)).toThrow(
    expect.objectContaining({ issues: [{ source: "x", path: "", expected: "a table", got: "an array" }] }),
  );
});

test("a value that is nested without end is a problem and not a crash", () => {
  const deep = `{"m": {"x": ${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
  expect(() =>
    decode(parseJson(deep, "label"), { code: "INVALID_JSON", source: "label" }, (root) => root.freeTable("m")),
  ).toThrow(expect.objectContaining({ code: "INVALID_JSON" }));
});
