import { describe, expect, test } from "vitest";
import { fields, TomlRaw, writeToml } from "../../lifecycle/toml.ts";

describe("writeToml", () => {
  test.each([
    [3, "3.0"],
    [0.5, "0.5"],
    [123456, "123456.0"],
    [1e6, "1e+06"],
    [1234567.5, "1.2345675e+06"],
    [9007199254740992, "9.007199254740992e+15"],
    [1e-7, "1e-07"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1e100, "1e+100"],
    [-0, "-0.0"],
    [Infinity, "inf"],
  ])("a float %d is written as Go does: %s", (value, text) => {
    expect(writeToml({ x: value })).toBe(`x = ${text}\n`);
  });

  test("a map is sorted by bytes, plain keys before tables", () => {
    expect(writeToml({ t: { x: 1n }, "\u{1F600}": 1n, "\uFFFD": 2n, b: [], a: "x" })).toBe(
      'a = "x"\nb = []\n"\uFFFD" = 2\n"\u{1F600}" = 1\n\n[t]\n  x = 1\n',
    );
  });

  test("a structure keeps its order and drops what is undefined", () => {
    expect(writeToml(fields({ z: "1", t: fields({ y: 1n, b: 2n }), a: undefined, c: new TomlRaw('["<"]') }))).toBe(
      'z = "1"\nc = ["<"]\n\n[t]\n  y = 1\n  b = 2\n',
    );
  });

  test("there is a blank line before every array of tables and before tables at the top", () => {
    const value = fields({ entries: [fields({ list: [{ a: 1n }], sub: { b: 1n } }), fields({ x: 1n })], top: {} });
    expect(writeToml(value)).toBe(
      [
        "[[entries]]",
        "",
        "  [[entries.list]]",
        "    a = 1",
        "  [entries.sub]",
        "    b = 1",
        "",
        "[[entries]]",
        "  x = 1",
        "",
        "[top]",
        "",
      ].join("\n"),
    );
  });

  test("tables inside of mixed arrays are inline", () => {
    expect(writeToml({ a: [1n, { b: { c: 1n }, a: "x" }] })).toBe('a = [1, {a = "x", b = {c = 1}}]\n');
  });

  test("strings are escaped as the reference does", () => {
    expect(writeToml({ "k é": 'q"\\ \u0001\b\f\u001b\u007f ü' })).toBe(
      '"k é" = "q\\"\\\\ \\u0001\\b\\f\\u001b\\u007f ü"\n',
    );
  });

  test("nothing is a file of no bytes", () => {
    expect(writeToml(fields({ entries: undefined }))).toBe("");
  });
});
