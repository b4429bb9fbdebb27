import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseEnvFile, readEnvFile } from "../../../lifecycle/platform/project/env-file.ts";

test("a file of variables has values as they are, comments, and names from the environment", () => {
  const text = `\uFEFF# a comment
A=1

  B= two = "2" # no comment
FROM_HERE
EMPTY=
UNSET
\t# indented
A=last\r
`;
  expect(parseEnvFile(text, "f", { FROM_HERE: "here", OTHER: "x" })).toEqual({
    variables: { A: "last", B: ' two = "2" # no comment', FROM_HERE: "here", EMPTY: "" },
    unset: ["UNSET"],
  });
});

test("every line that is none is named, without its value", () => {
  try {
    parseEnvFile("A=1\n=secret\nB C=secret\nx/y=secret\nnext=fine\0\n", ".env", {});
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({
      code: "INVALID_ENV",
      issues: [{ source: ".env:2" }, { source: ".env:3" }, { source: ".env:4" }, { source: ".env:5" }],
    });
    expect(JSON.stringify(error)).not.toContain("secret");
  }
});

test("a file that is not there, or not text, is said so", () => {
  const folder = mkdtempSync(join(tmpdir(), "tspack-env-"));
  try {
    expect(() => readEnvFile(join(folder, "absent"), {})).toThrow(
      expect.objectContaining({ code: "FILE_NOT_FOUND" }) as Error,
    );
    writeFileSync(join(folder, "binary"), Buffer.from([0x41, 0x3d, 0xff, 0xfe]));
    expect(() => readEnvFile(join(folder, "binary"), {})).toThrow(
      expect.objectContaining({ code: "INVALID_ENV" }) as Error,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
