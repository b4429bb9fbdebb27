import { describe, expect, test } from "vitest";
import { conformanceLines, judgeConformance, type RanTest, type RecordedKind } from "./conformance.ts";

const kinds: readonly RecordedKind[] = [
  {
    what: "scenarios",
    module: "scenarios.test.ts",
    cases: new Map([
      ["01/a", 1],
      ["01/b", 1],
    ]),
    apis: new Map([
      ["01/a", "0.15"],
      ["01/b", "0.7"],
    ]),
  },
  { what: "launcher cases", module: "launcher.test.ts", suite: "plain", cases: new Map([["one", 1]]) },
  { what: "tars", module: "tar-", cases: new Map([["list", 8]]) },
];
const ran = (module: string, name: string, more: Partial<RanTest> = {}): RanTest => {
  return { module, name, fullName: `plain > ${name}`, passed: true, ...more };
};
const all = [
  ran("scenarios.test.ts", "01/a"),
  ran("scenarios.test.ts", "01/b"),
  ran("launcher.test.ts", "one: with its description"),
  ran("tar-headers.test.ts", "list"),
];
const missing = (tests: readonly RanTest[]): readonly string[] =>
  judgeConformance(kinds, tests).flatMap((result) => result.missing);

describe("the summary of conformance", () => {
  test("counts recorded cases, and names the Platform APIs", () => {
    expect(conformanceLines(judgeConformance(kinds, all))).toEqual([
      "conformance: 2 of 2 scenarios, 1 of 1 launcher cases, 8 of 8 tars, at Platform API 0.7, 0.15",
    ]);
  });

  test("misses a recorded case that no test ran, and names it", () => {
    const results = judgeConformance(kinds, all.slice(1));
    expect(results[0]).toMatchObject({ recorded: 2, passed: 1, missing: ["01/a"] });
    expect(conformanceLines(results)[1]).toBe("  scenarios that did not pass: 01/a");
  });

  test("misses a case whose test did not pass, or passed in another file or suite only", () => {
    expect(missing([...all.slice(0, 3), ran("tar-headers.test.ts", "list", { passed: false })])).toEqual(["list"]);
    expect(missing([...all.slice(0, 3), ran("other.test.ts", "list")])).toEqual(["list"]);
    expect(
      missing([
        ...all.slice(0, 2),
        ran("launcher.test.ts", "one: x", { fullName: "sanitized > one" }),
        ...all.slice(3),
      ]),
    ).toEqual(["one"]);
  });
});
