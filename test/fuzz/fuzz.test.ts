import { describe, expect, test } from "vitest";
import { randomOf } from "./random.ts";
import { shortRun } from "./short-run.ts";
import { inputOf, problemOf } from "./target.ts";
import { fuzzTargets } from "./targets.ts";
import { referenceTarget } from "./targets/reference.ts";

// The launcher takes seconds to compile: test/golden/launcher-fuzz.test.ts.
const targets = Object.entries(fuzzTargets).filter(([name]) => name !== "launcher");

describe("broken input of", () => {
  test.each(targets)("%s is refused with an error of ours, or read", async (_, make) => {
    expect(await shortRun(make(), 200)).toBeUndefined();
  });
});

test("a case is made again from its seed and its number", () => {
  const target = referenceTarget();
  const cases = (seedOf: number): readonly string[] =>
    Array.from({ length: 50 }, (_, index) => Buffer.from(inputOf(target, seedOf, index)).toString("hex"));
  expect(cases(7)).toEqual(cases(7));
  expect(cases(7)).not.toEqual(cases(8));
});

test("numbers are spread over the whole range", () => {
  const random = randomOf(1, 1);
  const seen = new Set(Array.from({ length: 2000 }, () => random.below(100)));
  expect(seen.size).toBe(100);
});

test("a defect is reported, and an expected error is not", async () => {
  const broken = { parse: () => Promise.reject(new RangeError("Maximum call stack size exceeded")) };
  expect(await problemOf(broken, new Uint8Array())).toMatch(/RangeError/);
  const refusing = await referenceTarget().open();
  expect(await problemOf(refusing, Buffer.from("A B"))).toBeUndefined();
});
