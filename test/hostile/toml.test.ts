import { describe, expect, test } from "vitest";
import { buildpackFeatures } from "../../lifecycle/cnb/api/buildpack.ts";
import { decodeGroup } from "../../lifecycle/cnb/files/group.ts";
import { decodeLaunchToml } from "../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayerToml } from "../../lifecycle/cnb/files/layer-toml.ts";
import { decodeBuildPlan } from "../../lifecycle/cnb/files/plan.ts";
import { InputError } from "../../lifecycle/errors.ts";
import { decodeManifest } from "../../lifecycle/oci/manifest.ts";
import { parseToml } from "../../lifecycle/toml.ts";
import { codeOf, within } from "./bounds.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const features = buildpackFeatures("0.10", { kind: "Buildpack", name: "a/b@1" });

describe("a TOML file", () => {
  test.each([
    ["is too large", Buffer.alloc(17 * 1024 * 1024, "#\n")],
    ["has arrays without end", bytes(`a = ${"[".repeat(1_000_000)}`)],
    ["has inline tables without end", bytes(`a = ${"{a=".repeat(1_000_000)}`)],
    ["has a table of a million parts", bytes(`[${"a.".repeat(1_000_000)}a]\n`)],
    ["has a key of a million parts", bytes(`${"a.".repeat(1_000_000)}a = 1\n`)],
    ["has a string without an end", bytes(`a = "${"x".repeat(4_000_000)}`)],
    ["has many quotation marks", bytes(`a = ${'"'.repeat(4_000_000)}`)],
    ["is of NUL bytes", Buffer.alloc(1_000_000)],
    ["is UTF-16", Buffer.from('\uFEFFa = "b"\n', "utf16le")],
    ["has half a character at its end", Buffer.from([0x61, 0x3d, 0x22, 0xe2, 0x82])],
    ["has an overlong character", Buffer.from([0x61, 0x3d, 0x22, 0xc0, 0xaf, 0x22])],
    ["has a surrogate half", Buffer.from([0x61, 0x3d, 0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["has a byte order mark in the middle", bytes("a = 1\n\uFEFFb = 2\n")],
    ["has an integer beyond 64 bits", bytes("a = 9223372036854775808\n")],
    ["has a hexadecimal number beyond 64 bits", bytes("a = 0xFFFFFFFFFFFFFFFFF\n")],
    ["has an integer of a million digits", bytes(`a = ${"9".repeat(1_000_000)}\n`)],
  ])("that %s is INVALID_TOML, soon", async (_, content) => {
    expect(await within(5000, () => codeOf(() => parseToml(content, "x.toml")))).toBe("INVALID_TOML");
  });

  test.each([
    ["100,000 tables of an array", '[[group]]\nid = "a"\n'.repeat(100_000)],
    ["100,000 tables", Array.from({ length: 100_000 }, (_, index) => `[t${index}]\n`).join("")],
    ["200,000 keys", Array.from({ length: 200_000 }, (_, index) => `k${index} = 1\n`).join("")],
    ["100,000 dates", Array.from({ length: 100_000 }, (_, index) => `k${index} = 1979-05-27\n`).join("")],
    ["a million comments", "# x\n".repeat(1_000_000)],
    ["a million elements", `a = [${"1,".repeat(1_000_000)}]\n`],
  ])("with %s is read in a few seconds", async (_, text) => {
    expect(await within(8000, () => codeOf(() => parseToml(text, "x.toml")))).toBe("none");
  });

  test.each([
    [
      "a number for a name",
      () => decodeGroup(parseToml("[[group]]\nid = 9223372036854775807\n", "x")),
      "INVALID_GROUP",
    ],
    ["a table for a list", () => decodeBuildPlan(parseToml("[requires]\nname = 1\n", "x")), "INVALID_PLAN"],
    ["flags of text", () => decodeLayerToml(parseToml('[types]\nlaunch = "yes"\n', "x")), "INVALID_LAYER"],
    [
      "arguments within arguments",
      () => decodeLaunchToml(parseToml("[[processes]]\nargs = [[]]\n", "x"), features, { id: "a", version: "1" }),
      "INVALID_LAYER",
    ],
  ])("with %s is refused", async (_, read, code) => {
    expect(await codeOf(read)).toBe(code);
  });

  test("that is wrong in 50,000 places says how many, and shows a hundred", async () => {
    const document = parseToml("[[group]]\nid = 1\n".repeat(50_000), "group.toml");
    const error = await within(8000, () => caught(() => decodeGroup(document)));
    expect(error.message).toContain("50000 problems in group.toml");
    expect(error.issues).toHaveLength(100);
    expect(error.issues[99]?.source).toBe("group.toml:200:1");
  });
});

describe("a manifest", () => {
  test("that is wrong in 200,000 places shows a hundred", async () => {
    const text = `{"schemaVersion":2,"config":{},"layers":[${Array.from({ length: 200_000 }, () => "1").join(",")}]}`;
    const error = await within(8000, () => caught(() => decodeManifest(bytes(text), "manifest")));
    expect(error).toMatchObject({ code: "INVALID_IMAGE" });
    expect(error.issues).toHaveLength(100);
  });

  test.each([
    ["nests without end", `{"schemaVersion":2,"annotations":${"[".repeat(2_000_000)}`],
    ["nests, and ends", `{"schemaVersion":2,"layers":${"[".repeat(200_000)}${"]".repeat(200_000)}}`],
    ["has a size beyond what numbers hold", `{"schemaVersion":2,"config":{"size":1e400},"layers":[]}`],
  ])("that %s is INVALID_IMAGE", async (_, text) => {
    expect(await within(5000, () => codeOf(() => decodeManifest(bytes(text), "manifest")))).toBe("INVALID_IMAGE");
  });
});

function caught(action: () => unknown): InputError {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
