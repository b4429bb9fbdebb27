import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory } from "./workspace.ts";

const tools = skipWithout("jq");

/** Which of the versions satisfy each range; undefined for what is no range. */
export function satisfying(cases: readonly { readonly range: string; readonly versions: readonly string[] }[]) {
  const filter = `include "semver";
    map(. as $c | (try ($c.range | range_of) catch null) as $sets
      | if $sets == null then null else [$c.versions[] | select(version | satisfies($sets))] end)`;
  const output = execFileSync("jq", ["-c", "-L", join(buildpackDirectory("nodejs"), "lib"), filter], {
    input: JSON.stringify(cases),
    maxBuffer: 1 << 28,
  });
  return JSON.parse(output.toString()) as (readonly string[] | null)[];
}

const VERSIONS = ["0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.3-rc.2", "1.2.3-rc.10", "1.2.3", "1.2.9", "1.3.0-0", "1.3.0", "2.0.0-0", "2.0.0"];

describe.skipIf(tools.skip)(`npm's version ranges in jq${tools.note}`, () => {
  it.each([
    ["", ["0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.3", "1.2.9", "1.3.0", "2.0.0"]],
    ["^1.2.3", ["1.2.3", "1.2.9", "1.3.0"]],
    ["^0.2.3", ["0.2.3"]],
    ["^0.0.3", ["0.0.3"]],
    ["^0.0", ["0.0.3", "0.0.4"]],
    ["^1.2.3-rc.3", ["1.2.3-rc.10", "1.2.3", "1.2.9", "1.3.0"]],
    ["~1.2.3", ["1.2.3", "1.2.9"]],
    ["~> 1", ["1.2.3", "1.2.9", "1.3.0"]],
    ["1.2.x", ["1.2.3", "1.2.9"]],
    [">1.2", ["1.3.0", "2.0.0"]],
    ["<=1.2", ["0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.3", "1.2.9"]],
    ["<1.3.0", ["0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.3", "1.2.9"]],
    [">=1.3.0-0", ["1.3.0-0", "1.3.0", "2.0.0"]],
    ["1.2.3 - 1.3", ["1.2.3", "1.2.9", "1.3.0"]],
    ["0.2 - 1.2.3", ["0.2.3", "0.3.0", "1.2.3"]],
    ["=v1.2.3 || >= 2", ["1.2.3", "2.0.0"]],
    [">=1 <1.3", ["1.2.3", "1.2.9"]],
    ["<*", []],
    ["latest", null],
    ["1.2.3.4", null],
    ["01.2.3", null],
    ["1.x.3", null],
    ["^", null],
  ])("%j", (range, expected) => {
    expect(satisfying([{ range, versions: VERSIONS }])).toEqual([expected]);
  });
});
