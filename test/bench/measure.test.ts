import { expect, test } from "vitest";
import { compete, median } from "./compete.ts";
import { parseTransfers, transfersOf } from "./measure.ts";
import { table } from "./table.ts";

test("the median is one of the values, and undefined of none", () => {
  expect(median([3, undefined, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2);
  expect(median([undefined])).toBeUndefined();
});

test("transfers are read from the system's text, and undefined when one is missing", () => {
  const text = "rchar: 10\nwchar: 20\nsyscr: 3\nsyscw: 4\nread_bytes: 5\n";
  expect(parseTransfers(text)).toEqual({ readBytes: 10, writtenBytes: 20, calls: 7 });
  expect(parseTransfers(text.replace("syscw", "other"))).toBeUndefined();
});

test.skipIf(process.platform !== "linux")("transfers count what children of a program read", async () => {
  const command = ["sh", "-c", "head -c 5000000 /dev/zero | cat > /dev/null; true"];
  const found = await transfersOf({ name: "reader", command });
  expect(found?.readBytes).toBeGreaterThanOrEqual(10_000_000);
  expect(found?.readBytes).toBeLessThan(11_000_000);
});

test("a peer that fails is left out with the reason, and the others are measured", async () => {
  const results = await compete(
    [
      { name: "broken", peer: true, command: ["sh", "-c", "echo no overlay here >&2; exit 3"] },
      { name: "absent", peer: true, command: ["never-run"], missing: "absent is not installed" },
      { name: "works", command: ["true"], yardstick: true },
    ],
    2,
  );
  expect(results[0]).toMatchObject({ seconds: undefined, remark: expect.stringContaining("no overlay here") });
  expect(results[1]).toMatchObject({ seconds: undefined, remark: "left out: absent is not installed" });
  expect(results[2]).toMatchObject({ ratio: 1, remark: "" });
});

test("ours has to work", async () => {
  await expect(compete([{ name: "ours", command: ["false"] }], 1)).rejects.toThrow("ours ended with 1");
});

test("runs as often as was asked for, or less when it is slow", async () => {
  const prepared: string[] = [];
  const contestant = (name: string) => ({ name, command: ["true"], prepare: () => void prepared.push(name) });
  await compete([contestant("fast"), { ...contestant("slow"), rounds: 1 }], 3);
  expect(prepared).toEqual(["fast", "slow", "fast", "fast"]);
});

test("a table has no columns that are empty, and the bars", async () => {
  const results = await compete([{ name: "a | b", peer: true, command: [], missing: "it is not here" }], 1);
  expect(table(results, new Map([["a | b", "≤ 1 s: met"]])).split("\n")).toEqual([
    "| what   | bar        | remark                   |",
    "| ------ | ---------- | ------------------------ |",
    "| a \\| b | ≤ 1 s: met | left out: it is not here |",
  ]);
});
