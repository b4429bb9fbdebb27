import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isTable,
  type TomlPath,
  parseToml,
  TomlDate,
  TomlSyntaxError,
  writeToml,
  type TomlTable,
  type TomlValue,
} from "../../lifecycle/toml.ts";
import { locate, pathKey } from "../../lifecycle/toml/positions.ts";

function syntaxError(text: string | Uint8Array): TomlSyntaxError {
  try {
    parseToml(text, "a.toml");
  } catch (error) {
    if (error instanceof TomlSyntaxError) return error;
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("parseToml", () => {
  test("tells integers from floats and keeps all 64 bits", () => {
    const { table } = parseToml("a = 3\nb = 3.0\nc = 9223372036854775807\nd = -9223372036854775808", "a.toml");
    expect(table).toEqual({ a: 3n, b: 3, c: 9223372036854775807n, d: -9223372036854775808n });
  });

  test("drops a byte order mark, from bytes and from text", () => {
    expect(parseToml("\uFEFFa = 1", "a.toml").table).toEqual({ a: 1n });
    expect(parseToml(Buffer.from("\uFEFFa = 1"), "a.toml").table).toEqual({ a: 1n });
  });

  test("keeps dates as they are spelled, with nanoseconds and offsets", () => {
    const text =
      "a = 2020-01-02t03:04:05.123456700-07:00\nb = [2020-01-02 03:04:05, 1]\nc = {d = 2020-02-29}\ne = 03:04:05";
    expect(parseToml(text, "a.toml").table).toEqual({
      a: new TomlDate("offset-date-time", "2020-01-02T03:04:05.1234567-07:00"),
      b: [new TomlDate("local-date-time", "2020-01-02T03:04:05"), 1n],
      c: { d: new TomlDate("local-date", "2020-02-29") },
      e: new TomlDate("local-time", "03:04:05"),
    });
  });

  test("a key may have the name of the prototype", () => {
    expect(Object.keys(parseToml("__proto__ = 1\n[constructor]\na = 1", "a.toml").table)).toEqual([
      "__proto__",
      "constructor",
    ]);
  });

  test.each([
    ["a = 9223372036854775808", "a.toml:1:1"],
    ["x = 1\n[t]\nb = 0xffffffffffffffff", "a.toml:3:1"],
    ["a = 1\na = 2", "a.toml:2:1"],
    ["d = 2021-02-30", "a.toml:1:1"],
    ["d = 2021-02-28T24:00:00Z", "a.toml:1:5"],
    ["\n  b = [1,", "a.toml:2:7"],
  ])("%j is refused with line and column", (text, source) => {
    const error = syntaxError(text);
    expect(error.code).toBe("INVALID_TOML");
    expect(error.issues.map((issue) => issue.source)).toEqual([source]);
  });

  test("bad UTF-8 is refused with its line", () => {
    const error = syntaxError(Buffer.concat([Buffer.from('a = "ü"\nb = "'), Buffer.from([0xff]), Buffer.from('"')]));
    expect(error.issues[0]?.source).toBe("a.toml:2:6");
  });

  test("nesting without end is refused, in arrays and in dotted keys", () => {
    expect(syntaxError(`a = ${"[".repeat(5000)}`).code).toBe("INVALID_TOML");
    expect(syntaxError(`${"a.".repeat(20_000)}b = 1`).code).toBe("INVALID_TOML");
  });

  test.each([
    ["I am a group.toml", "toml: line 1: expected '.' or '=', but got 'a' instead"],
    ["[[images]\n", "toml: line 2: expected end of table array name delimiter ']', but got '\\n' instead"],
    ["[[order\n", "toml: line 2: expected '.' or ']' to end table name, but got '\\n' instead"],
    ["[[group", "toml: line 1: expected '.' or ']' to end table name, but got '\\x00' instead"],
    ["api = \n", "toml: line 1 (last key \"api\"): expected value but found '\\n' instead"],
    ["[types\n", "toml: line 2: expected '.' or ']' to end table name, but got '\\n' instead"],
  ])("%j is explained as the reference explains it", (text, message) => {
    expect(syntaxError(text).referenceMessage).toBe(message);
  });
});

describe("positions", () => {
  const text = [
    "# comment with a [[header]]",
    'api = "0.10"',
    "[buildpack]",
    "  \"id\" = '''a",
    "b = 1'''",
    "  version = 3",
    "[[targets]]",
    '[[targets.distros]]  # "x',
    "name = 1",
    "[[targets]]",
    "os = 5",
    'list = [1, "]", # ]',
    "  {deep.er = 2, b = [[3]]}]",
    "[[targets.distros]]",
    "name = 2",
    "[[targets.distros]]",
    "name = 3",
  ].join("\n");
  const document = parseToml(text, "b.toml");

  test.each([
    [["api"], 2, 1],
    [["buildpack"], 3, 1],
    [["buildpack", "id"], 4, 3],
    [["buildpack", "version"], 6, 3],
    [["buildpack", "missing", "deeper"], 3, 1],
    [["targets", 0, "distros", 0, "name"], 9, 1],
    [["targets", 1, "os"], 11, 1],
    [["targets", 1, "list", 1], 12, 12],
    [["targets", 1, "list", 2, "deep", "er"], 13, 4],
    [["targets", 1, "list", 2, "b", 0, 0], 13, 23],
    [["targets", 1, "distros", 1, "name"], 17, 1],
  ])("of %j", (path, line, column) => {
    expect(document.position(path)).toEqual({ line, column });
  });

  test("a document without the key has no position", () => {
    expect(document.position(["nothing"])).toBeUndefined();
  });
});

const key = fc.oneof(fc.string(), fc.constantFrom("a", "b c", "", "é", "__proto__"));
const float = fc.double({ noNaN: true });
const { table: anyTable } = fc.letrec<{ value: TomlValue; table: TomlTable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: "toml" },
    fc.string({ unit: "grapheme" }),
    fc.boolean(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    float,
    fc.constant(new TomlDate("local-date-time", "2020-01-02T03:04:05.5")),
    fc.array(tie("value"), { maxLength: 4, depthIdentifier: "toml" }),
    tie("table"),
  ),
  table: fc.dictionary(key, tie("value"), { maxKeys: 5, depthIdentifier: "toml" }),
}));

test("what was written is read again the same", () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      expect(parseToml(writeToml(table), "p.toml").table).toEqual(table);
    }),
  );
});

/** The paths of all keys and elements, except for those of inline tables without keys. */
function paths(value: TomlValue, path: TomlPath = []): readonly TomlPath[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: TomlValue, index) => [[...path, index], ...paths(item, [...path, index])]);
  }
  if (!isTable(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => [[...path, name], ...paths(item, [...path, name])]);
}

test("every key and element of what was written is found at its own place", () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const places = locate(writeToml(table));
      for (const path of paths(table)) expect(places.has(pathKey(path)), pathKey(path)).toBe(true);
    }),
  );
});
