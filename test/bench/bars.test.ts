import { expect, test } from "vitest";
import { type Bar, verdicts } from "./bars.ts";
import type { Result } from "./compete.ts";

const result = (name: string, seconds: number, more: Partial<Result> = {}): Result => ({
  name,
  seconds,
  cpuSeconds: undefined,
  peakKilobytes: undefined,
  peer: false,
  ratio: undefined,
  transfers: undefined,
  traffic: undefined,
  remark: "",
  ...more,
});
const of = (results: readonly Result[], bar: Bar, full = true): string | undefined =>
  verdicts(results, { export: [bar] }, full).get("export");

test("a time is met up to the bar, and missed by the part that it is above", () => {
  expect(of([result("export", 3.2)], { kind: "seconds", most: 3.2 })).toBe("≤ 3.2 s: met");
  expect(of([result("export", 4)], { kind: "seconds", most: 3.2 })).toBe("≤ 3.2 s: missed by 25 %");
});

test("bars of time and bytes are for the full size only", () => {
  const traffic = { requests: 13, sentBytes: 2e6, receivedBytes: 0 };
  const results = [result("export", 9, { traffic })];
  expect(of(results, { kind: "seconds", most: 1 }, false)).toBeUndefined();
  expect(of(results, { kind: "sentBytes", most: 1e6 }, false)).toBeUndefined();
  expect(of(results, { kind: "sentBytes", most: 1e6 })).toBe("≤ 1 MB sent: missed by 100 %");
  expect(of(results, { kind: "requests", most: 12 }, false)).toBe("≤ 12 requests: missed by 9 %");
});

test("a multiple is of the sum of what others took", () => {
  const results = [result("export", 3), result("read", 1), result("hash", 1)];
  expect(of(results, { kind: "times", most: 1.3, of: ["read", "hash"] })).toBe("≤ 1.3 × (read + hash): missed by 16 %");
});

test("a peer has to take so many times as long", () => {
  const bar: Bar = { kind: "faster", least: 2.5, than: "peer" };
  expect(of([result("export", 2), result("peer", 5)], bar)).toBe("≥ 2.5 × faster than peer: met, 2.5 ×");
  expect(of([result("export", 2), result("peer", 4)], bar)).toBe("≥ 2.5 × faster than peer: missed, 2.0 ×");
});

test("the time that is added counts, not the whole", () => {
  const bar: Bar = { kind: "added", most: 0.5, to: "peer" };
  expect(of([result("export", 2.25), result("peer", 2)], bar)).toBe("≤ 500 ms more than peer: met");
  expect(of([result("export", 3), result("peer", 2)], bar)).toBe("≤ 500 ms more than peer: missed by 100 %");
});

test("nothing is said where the other was left out, or nothing was counted", () => {
  const peer = { ...result("peer", 1), seconds: undefined };
  for (const bar of [
    { kind: "times", most: 1, of: ["peer"] },
    { kind: "faster", least: 1, than: "peer" },
    { kind: "added", most: 1, to: "nobody" },
    { kind: "requests", most: 1 },
  ] as const)
    expect(of([result("export", 2), peer], bar)).toBeUndefined();
});

test("what needs more than 160 MB is told, with or without a bar of its own; peers may", () => {
  const peakKilobytes = 176 * 1024;
  const results = [result("export", 1, { peakKilobytes }), result("peer", 1, { peakKilobytes, peer: true })];
  expect([...verdicts(results, {}, true)]).toEqual([["export", "≤ 160 MB: missed by 10 %"]]);
});

test("a bar of memory is told where it is met, too, on any scale, and once", () => {
  const memory = { kind: "memory" } as const;
  expect(of([result("export", 1, { peakKilobytes: 160 * 1024 })], memory, false)).toBe("≤ 160 MB: met");
  expect(of([result("export", 1, { peakKilobytes: 176 * 1024 })], memory)).toBe("≤ 160 MB: missed by 10 %");
  expect(of([result("export", 1)], memory)).toBeUndefined();
});
