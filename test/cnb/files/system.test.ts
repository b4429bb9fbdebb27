import { describe, expect, test } from "vitest";
import { decodeSystem } from "../../../lifecycle/cnb/files/system.ts";
import { parseToml } from "../../../lifecycle/toml.ts";

const decode = (text: string) => decodeSystem(parseToml(text, "system.toml"));

describe("system.toml", () => {
  test("has buildpacks for before and after, required unless it says optional", () => {
    const text = [
      "[[system.pre.buildpacks]]",
      'id = "a"',
      'version = "1"',
      "optional = true",
      "[[system.post.buildpacks]]",
      'id = "b"',
      'version = "2"',
      "optional = false",
    ].join("\n");
    expect(decode(text)).toEqual({
      pre: [{ id: "a", version: "1", optional: true }],
      post: [{ id: "b", version: "2" }],
    });
  });

  test("may be empty", () => {
    expect(decode("")).toEqual({ pre: [], post: [] });
  });

  test("without an id is INVALID_ORDER", () => {
    expect(() => decode('[[system.pre.buildpacks]]\nversion = "1"')).toThrow(
      expect.objectContaining({ code: "INVALID_ORDER" }),
    );
  });
});
