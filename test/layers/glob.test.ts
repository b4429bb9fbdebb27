import { describe, expect, it } from "vitest";
import { compileGlob } from "../../lifecycle/layers/glob.ts";
import { byteString } from "../../lifecycle/oci/tar/byte-string.ts";

function match(pattern: string, path: string | Uint8Array): boolean {
  return compileGlob(pattern)(byteString(path));
}

describe("globs of slices", () => {
  it.each([
    ["*", "top", true],
    ["*", "dir/file", false],
    ["*", ".hidden", true],
    ["dir/*", "dir/file", true],
    ["dir/*", "dir/sub/file", false],
    ["*/*.so", "lib/one.so", true],
    ["a*b*c", "aXbYbZc", true],
    ["a*b*c", "a/b/c", false],
    ["**", "a/b", false],
    ["?", "ü", true],
    ["?", "/", false],
    ["??", "ü", false],
    ["[a-c].txt", "b.txt", true],
    ["[^a-c].txt", "b.txt", false],
    ["[^a-c].txt", "d.txt", true],
    ["[ä-ü]", "ö", true],
    ["[\\]x]", "]", true],
    ["[\\-x]", "-", true],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["./dir/../other/", "other", true],
    ["lib//one.so", "lib/one.so", true],
    [".", "anything", false],
    ["", "anything", false],
    ["/etc/hosts", "etc/hosts", false],
    ["../etc/*", "etc/hosts", false],
    ["x*", "x", true],
    ["*x", "axbx", true],
    ["x", "xy", false],
  ])("%j on %j is %j", (pattern, path, expected) => {
    expect(match(pattern, path)).toBe(expected);
  });

  it("takes a byte that is no UTF-8 as one character", () => {
    expect(match("?", Uint8Array.of(0xff))).toBe(true);
    expect(match("a?c", Uint8Array.of(0x61, 0xc3, 0x63))).toBe(true);
    expect(match("[a-z]", Uint8Array.of(0xff))).toBe(false);
  });

  it.each(["[a", "[", "[]", "[]a]", "[-]", "[a-]", "[a-b", "a\\", "x/[", "[^]"])("%j is malformed", (pattern) => {
    expect(() => compileGlob(pattern)).toThrow(expect.objectContaining({ code: "INVALID_LAYER" }));
  });

  it("is quick for patterns with many stars", () => {
    expect(match("*a".repeat(30) + "b", "a".repeat(3000))).toBe(false);
  });
});
