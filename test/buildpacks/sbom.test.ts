import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildpackDirectory } from "./workspace.ts";

const directory = mkdtempSync(join(tmpdir(), "tspack-sbom-"));

function sbomOf(
  packages: Readonly<Record<string, object>>,
  execEnv: string,
): { readonly components: readonly object[] } {
  const lock = join(directory, "lock.json");
  writeFileSync(lock, JSON.stringify({ lockfileVersion: 3, packages }));
  const program = join(buildpackDirectory("npm-install"), "lib/sbom.mjs");
  return JSON.parse(execFileSync(process.execPath, [program, lock, execEnv]).toString()) as ReturnType<typeof sbomOf>;
}

const PACKAGES = {
  "": { name: "app", version: "1.0.0" },
  "node_modules/b": { version: "2.0.0", integrity: "sha512-AQID", license: "MIT" },
  "node_modules/@s/a": { version: "1.0.0+x" },
  "node_modules/@s/a/node_modules/b": { version: "1.0.0" },
  "node_modules/copy": { version: "2.0.0", name: "b", integrity: "sha512-AQID", license: "MIT" },
  "node_modules/test-only": { version: "1.0.0", dev: true },
  "node_modules/both": { version: "1.0.0", devOptional: true },
  "node_modules/elsewhere": { version: "1.0.0", optional: true, os: ["no-such-system"] },
  "node_modules/local": { resolved: "packages/local", link: true },
  "packages/local": { version: "0.0.0" },
};

describe("the bill of materials of npm-install", () => {
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it("lists each installed package once, sorted, with hash and licence", () => {
    const { components } = sbomOf(PACKAGES, "production");
    expect(components).toMatchObject([
      { name: "@s/a", version: "1.0.0+x", purl: "pkg:npm/%40s/a@1.0.0%2Bx" },
      { name: "b", version: "1.0.0", purl: "pkg:npm/b@1.0.0" },
      {
        name: "b",
        version: "2.0.0",
        hashes: [{ alg: "SHA-512", content: "010203" }],
        licenses: [{ license: { name: "MIT" } }],
      },
      { name: "both", version: "1.0.0" },
    ]);
    expect(components).toHaveLength(4);
  });

  it("lists packages for development outside production", () => {
    expect(sbomOf(PACKAGES, "test").components).toContainEqual(expect.objectContaining({ name: "test-only" }));
  });
});
