import { describe, expect, it } from "vitest";
import { satisfying } from "./ranges.ts";
import { skipWithout } from "./require-tools.ts";

const tools = skipWithout("jq");

const VERSIONS = [
  "0.0.3",
  "0.0.4",
  "0.2.3",
  "0.3.0",
  "1.2.3-rc.2",
  "1.2.3-rc.10",
  "1.2.3",
  "1.2.9",
  "1.3.0-0",
  "1.3.0",
  "2.0.0-0",
  "2.0.0",
];

// One process for all of them: starting jq costs more than the work.
const EXPECTED: readonly (readonly [range: string, satisfying: readonly string[] | null])[] = [
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
  ["^0.0.3 || 2.0.0-0", ["0.0.3", "2.0.0-0"]],
  ["* || 2.0.0-0", ["0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.3", "1.2.9", "1.3.0", "2.0.0"]],
];

describe.skipIf(tools.skip)(`npm's version ranges in jq${tools.note}`, () => {
  const found = tools.skip ? [] : satisfying(EXPECTED.map(([range]) => ({ range, versions: VERSIONS })));

  it.each(EXPECTED.map(([range, expected], index) => ({ range, expected, index })))("$range", ({ expected, index }) => {
    expect(found[index]).toEqual(expected);
  });
});
