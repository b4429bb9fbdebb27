import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkDirectory, directoryIssues } from "../../../lifecycle/platform/output/check-directory.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tspack-results-"));
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "closed"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a directory for results", () => {
  test.each([".", "new", "new/and/deeper", "closed"])("%s can be one", (path) => {
    expect(directoryIssues("--sbom-output-dir", join(folder, path))).toEqual([]);
  });

  test.each(["file", "file/below", "file/far/below"])("%s can not, which is told before the work", (path) => {
    const [issue, ...more] = directoryIssues("--sbom-output-dir", join(folder, path));
    expect(issue).toMatchObject({ source: "--sbom-output-dir", got: `${folder}/file, which is a file` });
    expect(more).toEqual([]);
    expect(() => checkDirectory("--sbom-output-dir", join(folder, path))).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENTS" }),
    );
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(isRoot)(`nor one that this user may not write${isRoot ? " (skipped: root may)" : ""}`, () => {
    chmodSync(join(folder, "closed"), 0o500);
    const [issue] = directoryIssues("--report-output-dir", join(folder, "closed/new"));
    expect(issue?.got).toContain("may not write");
    chmodSync(join(folder, "closed"), 0o700);
  });
});
