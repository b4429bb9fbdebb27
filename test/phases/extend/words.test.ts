import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expandWord, splitWords } from "../../../lifecycle/phases/extend/words.ts";

const variables: Readonly<Record<string, string>> = { name: "value", empty: "", two: "a b" };
const expand = (word: string, escape = "\\"): string => expandWord(word, (name) => variables[name], escape);

describe("words of a Dockerfile", () => {
  test.each([
    ["a b\tc", ["a", "b", "c"]],
    [`a="x y" 'p q'  z`, [`a="x y"`, "'p q'", "z"]],
    [String.raw`a\ b "c\" d" e\\`, [String.raw`a\ b`, String.raw`"c\" d"`, String.raw`e\\`]],
    ["  ", []],
  ])("%j are %j", (text, words) => {
    expect(splitWords(text, "\\")).toEqual(words);
  });

  test.each([
    ["$name/${name}x$none-", "value/valuex-"],
    ["'$name' \"$name\"", "$name value"],
    [String.raw`\$name "\$name" "\n" \n`, String.raw`$name $name \n n`],
    ["${none:-else $name}${empty:-e}${empty-e}${name:-x}", "else valueevalue"],
    ["${name:+yes}${none:+no}${empty:+no}${empty+set}", "yesset"],
    ["a$ $$ $", "a$ $$ $"],
    ["$two", "a b"],
  ])("%j means %j", (word, expected) => {
    expect(expand(word)).toBe(expected);
  });

  test("take another escape character", () => {
    expect(expand("C:\\x `$name", "`")).toBe("C:\\x $name");
  });

  test.each(['"a', "'a", "${name", "${name:?no}", "${name%x}"])("%j is refused", (word) => {
    expect(() => expand(word)).toThrow(expect.objectContaining({ code: "INVALID_DOCKERFILE" }));
  });

  test("without quotes, escapes and variables mean themselves", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^"'\\$]*$/s), (word) => {
        expect(expand(word)).toBe(word);
      }),
    );
  });

  test("in single quotes come back as they were, whatever they are", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^']+$/s), (text) => {
        expect(splitWords(`x '${text}' y`, "\\").map((word) => expand(word))).toEqual(["x", text, "y"]);
      }),
    );
  });
});
