import { describe, expect, test } from "vitest";
import { partOf } from "../../../lifecycle/cli/parts/part-of.ts";

describe("the part of tspack that runs", () => {
  test.each([
    [["inspect", "--json", "hello"], "inspect"],
    [["inspect-image", "hello"], "inspect"],
    [["images", "list"], "images"],
    [["config"], "config"],
    [["rebase", "hello", "--help"], "rebase"],
    [[], "help"],
    [["--help"], "help"],
    [["-h"], "help"],
    [["help"], "help"],
    [["help", "build"], "help"],
    [["build", "--help"], "help"],
    [["create-builder", "-h"], "help"],
  ] as const)("for %j is %s", (argv, part) => {
    expect(partOf(argv)).toBe(part);
  });

  test.each([
    [["build", "hello"]],
    [["build", "hello", "--help"]],
    [["run", "hello", "--", "--help"]],
    [["complete", "--help"]],
    [["--quiet", "inspect", "hello"]],
    [["--json", "--help"]],
    [["help", "--json"]],
    [["toString"]],
    [["nothing"]],
  ])("for %j is none: all of tspack is", (argv) => {
    expect(partOf(argv)).toBeUndefined();
  });
});
