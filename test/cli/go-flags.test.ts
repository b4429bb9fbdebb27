import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FlagDefinition, FlagError, goUsage, parseGoBool, parseGoFlags } from "../../lifecycle/cli/go-flags.ts";

const definitions: readonly FlagDefinition[] = [
  { name: "app", kind: "string", description: "the app" },
  { name: "layout", kind: "bool", description: "use a layout" },
  { name: "uid", kind: "int", description: "the user" },
  { name: "tag", kind: "list", description: "a tag" },
];

const parse = (...argv: readonly string[]): ReturnType<typeof parseGoFlags> => parseGoFlags(definitions, argv);

describe("flags in Go's manner", () => {
  test.each([[["-app", "x"]], [["-app=x"]], [["--app", "x"]], [["--app=x"]]])("%j give the same value", (argv) => {
    expect(parse(...argv).values.get("app")).toEqual(["x"]);
  });

  test("a boolean takes no separate value, so the next word is an argument", () => {
    expect(parse("-layout", "true", "image")).toEqual({
      values: new Map([["layout", ["true"]]]),
      args: ["true", "image"],
    });
    expect(parse("-layout=false").values.get("layout")).toEqual(["false"]);
  });

  test("reading stops at the first argument, and at --", () => {
    expect(parse("image", "-app", "x").args).toEqual(["image", "-app", "x"]);
    expect(parse("--", "-app").args).toEqual(["-app"]);
    expect(parse("-").args).toEqual(["-"]);
  });

  test("a list keeps every value in order, and of a single flag the last counts", () => {
    expect(parse("-tag", "a", "-tag=b", "-app=1", "-app=2").values).toEqual(
      new Map([
        ["tag", ["a", "b"]],
        ["app", ["2"]],
      ]),
    );
  });

  test.each([
    [["-nope"], "flag provided but not defined: -nope"],
    [["-app"], "flag needs an argument: -app"],
    [["-uid", "x"], 'invalid value "x" for flag -uid: parse error'],
    [["-layout=perhaps"], 'invalid boolean value "perhaps" for -layout: parse error'],
    [["---app"], "bad flag syntax: ---app"],
    [["-=x"], "bad flag syntax: -=x"],
  ])("%j is refused in Go's words", (argv, message) => {
    expect(() => parse(...argv)).toThrow(new FlagError(message));
  });

  test("the usage lists the flags by name with their types", () => {
    expect(goUsage("lifecycle", definitions).split("\n").slice(0, 5)).toEqual([
      "Usage of lifecycle:",
      "  -app string",
      "    \tthe app",
      "  -layout",
      "    \tuse a layout",
    ]);
  });

  test("whatever a string flag is given comes back unchanged", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(parse("-app", value).values.get("app")).toEqual([value]);
      }),
    );
  });

  test("booleans are those of strconv.ParseBool", () => {
    expect(["1", "t", "TRUE", "True", "0", "F", "yes", "", "tRue"].map(parseGoBool)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
