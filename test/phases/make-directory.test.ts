import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeDirectory } from "../../lifecycle/phases/make-directory.ts";

describe("directories on a volume of a group", () => {
  let volume = "";
  beforeEach(() => {
    volume = mkdtempSync(join(tmpdir(), "tspack-volume-"));
    chmodSync(volume, 0o2777);
  });
  afterEach(() => {
    rmSync(volume, { recursive: true });
  });
  const mode = (...parts: readonly string[]): string => (statSync(join(volume, ...parts)).mode & 0o7777).toString(8);

  it("do not inherit its setgid bit, nor does what is made inside of them", () => {
    makeDirectory(join(volume, "a", "b"));
    mkdirSync(join(volume, "a", "b", "c"));
    expect([mode("a"), mode("a", "b"), mode("a", "b", "c")]).toEqual(Array(3).fill(ordinary()));
    expect(mode()).toBe("2777");
  });

  it("stay as they are when they are there already", () => {
    mkdirSync(join(volume, "there"));
    expect(mode("there")).toMatch(/^2/);
    makeDirectory(join(volume, "there"));
    expect(mode("there")).toMatch(/^2/);
  });
});

/** The mode of a new directory without the bit. */
function ordinary(): string {
  const umask = process.umask();
  return (0o777 & ~umask).toString(8);
}
