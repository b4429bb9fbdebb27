import { expect, test } from "vitest";
import type { Result } from "./compete.ts";
import { ratiosOf, regressions } from "./ratios.ts";

const result = (name: string, cpuSeconds: number | undefined): Result => ({
  name,
  seconds: 9,
  cpuSeconds,
  peakKilobytes: undefined,
  peer: false,
  ratio: undefined,
  transfers: undefined,
  traffic: undefined,
  remark: "",
});
const of = (ours: number) =>
  ratiosOf([result("lifecycle export, first", ours), result("tar", 2)], "tar", "a machine", new Date(0))!;

test("a ratio is time of the processor by that of the peer", () => {
  expect(of(3)).toEqual({
    recorded: "1970-01-01",
    machine: "a machine",
    peer: "tar",
    ratios: { "lifecycle export, first": 1.5 },
  });
});

test("nothing is compared where the peer was not measured", () => {
  expect(ratiosOf([result("lifecycle export, first", 1)], "tar", "", new Date(0))).toBeUndefined();
  expect(ratiosOf([result("tar", undefined)], "tar", "", new Date(0))).toBeUndefined();
});

test("more than 15 % is told with both ratios and the day, less is noise", () => {
  expect(regressions(of(2.28), of(2))).toEqual([]);
  expect(regressions(of(2.4), of(2))).toEqual([
    "slower: lifecycle export, first: 1.2 × tar, 20 % more than the 1 × of 1970-01-01",
  ]);
});

test("what was never recorded is told", () => {
  expect(regressions(of(2), { ...of(2), ratios: {} })).toEqual([expect.stringContaining("--record")]);
});
