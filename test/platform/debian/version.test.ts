import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { assert, property, stringMatching } from "fast-check";
import { describe, expect, test } from "vitest";
import { compareVersions, versionSatisfies } from "../../../lifecycle/platform/debian/version.ts";

// Each is older than the next.
const ascending = [
  "0~~",
  "0~~a",
  "0~",
  "0",
  "0.1~rc1-1",
  "0.1-1",
  "0.1-1+b1",
  "0.1-1.1",
  "0.1.1-1",
  "1.2.3~beta2-1",
  "1.2.3-1~deb12u1",
  "1.2.3-1",
  "1.2.3-1+deb12u1",
  "1.2.3-1+deb12u10",
  "1.2.3a-1",
  "1.2.3+dfsg-1",
  "1.2.10-1",
  "1.10-1",
  "2.36-9",
  "2.36-9+deb12u9",
  "2.36-9+deb12u14",
  "20250419~deb12u2",
  "20250419",
  "99999999999999999998",
  "99999999999999999999",
  "1:0.1",
  "2:0",
] as const;

const dpkg = ["/usr/bin/dpkg"].find((path) => existsSync(path));

describe("compareVersions", () => {
  test("orders every pair of a list as Debian policy does", () => {
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, Math.sign(i - j)]);
      }
    }
  });

  test("takes a missing revision and a missing epoch as 0, and leading zeros as nothing", () => {
    expect(compareVersions("1.0", "0:1.0-0")).toBe(0);
    expect(compareVersions("1.02", "1.2")).toBe(0);
  });

  test("is an order: turning the sides round turns the sign", () => {
    const version = stringMatching(/^[0-9][0-9a-c.+~]{0,6}(-[0-9a-c.+~]{1,3})?$/);
    assert(
      property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test.skipIf(dpkg === undefined)("agrees with dpkg, which this machine has", () => {
    for (const [index, older] of ascending.slice(0, -1).entries()) {
      const newer = ascending[index + 1] ?? "";
      // Throws when dpkg says no.
      execFileSync(dpkg ?? "", ["--compare-versions", older, "lt", newer]);
    }
  });
});

test("a version fulfils exactly the relations that hold", () => {
  const holding = (["<<", "<=", "=", ">=", ">>"] as const).filter((each) => versionSatisfies("1.0-1", each, "1.0-2"));
  expect(holding).toEqual(["<<", "<="]);
  expect(versionSatisfies("1.0-1", "=", "1.0-1")).toBe(true);
  expect(versionSatisfies("1.0-1", ">>", "1.0-1")).toBe(false);
});
