import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, buildpackFolders, capture } from "./workspace.ts";

const tools = skipWithout("shellcheck");
const root = resolve(buildpackDirectory("."), "..");
const programs = buildpackFolders()
  // A composite has an order instead of programs.
  .filter((name) => !/^\[\[order\]\]/m.test(readFileSync(join(root, "buildpacks", name, "buildpack.toml"), "utf8")))
  .flatMap((name) => ["detect", "build"].map((program) => join("buildpacks", name, "bin", program)));

describe("programs of the buildpacks", () => {
  it.each(programs)("%s is executable and begins with an interpreter", (program) => {
    expect(statSync(join(root, program)).mode & 0o111).toBe(0o111);
    expect(readFileSync(join(root, program), "utf8")).toMatch(/^#!\/usr\/bin\/env bash\n/);
  });

  it.skipIf(tools.skip)(
    `have nothing that shellcheck objects to${tools.note}`,
    async () => {
      const outcome = await capture(["shellcheck", "-x", "-a", "-P", root, ...programs], root, {
        PATH: process.env["PATH"] ?? "",
      });
      expect(outcome).toEqual({ code: 0, output: "" });
      // It reads what each program sources for each anew.
    },
    60_000,
  );
});
