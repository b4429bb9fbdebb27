import { describe, expect, test } from "vitest";
import { partOfPhase } from "../../../lifecycle/cli/parts/phase-part.ts";

describe("the part of the lifecycle that runs", () => {
  test.each([
    ["/cnb/lifecycle/lifecycle.js", ["@detector", "-app", "x"]],
    ["/cnb/lifecycle/lifecycle.js", ["@builder"]],
    ["/cnb/lifecycle/detector", []],
    ["/cnb/lifecycle/builder.js", ["-app", "x"]],
    ["dist/lifecycle.js", ["detect"]],
    ["dist/lifecycle.js", ["@lifecycle", "build"]],
  ])("for %s %j is that of buildpacks", (program, argv) => {
    expect(partOfPhase(program, argv)).toBe("buildpacks");
  });

  test.each([
    ["/cnb/lifecycle/analyzer", ["build"], "analyze"],
    ["/cnb/lifecycle/lifecycle.js", ["@restorer"], "restore"],
    ["dist/lifecycle.js", ["export", "x"], "export"],
  ])("for %s %j is %s", (program, argv, part) => {
    expect(partOfPhase(program, argv)).toBe(part);
  });

  test.each([
    ["/cnb/lifecycle/lifecycle.js", ["@creator", "detect"]],
    ["/cnb/lifecycle/rebaser", ["build"]],
    ["dist/lifecycle.js", []],
    ["dist/lifecycle.js", ["-version", "detect"]],
    ["dist/lifecycle.js", ["doctor"]],
    ["dist/lifecycle.js", ["@lifecycle"]],
  ])("for %s %j is all of it", (program, argv) => {
    expect(partOfPhase(program, argv)).toBe("lifecycle");
  });
});
