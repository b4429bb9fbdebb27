import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MANIFEST, PNPM_5, PNPM_6, PNPM_9, YARN_1, YARN_4 } from "./node-lock-files.ts";
import { buildpackDirectory } from "./workspace.ts";

const root = mkdtempSync(join(tmpdir(), "tspack-locks-"));

/** Writes an application and returns purls of its bill of materials. */
function purls(
  manager: "pnpm" | "yarn",
  lock: string,
  manifest: object = {},
  execEnv = "production",
): readonly string[] {
  const directory = mkdtempSync(join(root, "app-"));
  const file = join(directory, manager === "pnpm" ? "pnpm-lock.yaml" : "yarn.lock");
  writeFileSync(file, lock);
  writeFileSync(join(directory, "package.json"), JSON.stringify(manifest));
  return (
    sbom(manager, file, execEnv, directory, "cyclonedx") as { components: readonly { purl: string }[] }
  ).components.map(({ purl }) => purl.replace("pkg:npm/", ""));
}

function sbom(manager: string, ...args: readonly string[]): unknown {
  const program = join(buildpackDirectory(`${manager}-install`), "lib/sbom.mjs");
  return JSON.parse(execFileSync(process.execPath, [program, ...args]).toString());
}

afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("the bill of materials of pnpm-install", () => {
  it("lists what production of all workspaces leads to, once, without peers in the version, for this machine", () => {
    expect(purls("pnpm", PNPM_9)).toEqual(["%40scope/a@1.0.0", "peer@2.0.0", "real@3.0.0"]);
    expect(purls("pnpm", PNPM_9, {}, "test")).toContain("tool@1.0.0");
  });

  it("reads the locks of pnpm 8 and 7", () => {
    expect(purls("pnpm", PNPM_6)).toEqual(["a@1.0.0", "b@2.0.0"]);
    expect(purls("pnpm", PNPM_5)).toEqual(["%40scope/a@1.0.0", "peer@2.0.0"]);
  });

  it("has the hash of each package in both formats", () => {
    const file = join(root, "pnpm-lock.yaml");
    writeFileSync(file, PNPM_6);
    const [cyclonedx, spdx] = ["cyclonedx", "spdx"].map((format) => sbom("pnpm", file, "production", root, format));
    expect(cyclonedx).toMatchObject({
      bomFormat: "CycloneDX",
      components: [{ name: "a", hashes: [{ alg: "SHA-512", content: "010203" }] }, { name: "b" }],
    });
    expect(spdx).toMatchObject({
      spdxVersion: "SPDX-2.3",
      packages: [
        {
          name: "a",
          versionInfo: "1.0.0",
          checksums: [{ algorithm: "SHA512", checksumValue: "010203" }],
          externalRefs: [{ referenceType: "purl", referenceLocator: "pkg:npm/a@1.0.0" }],
        },
        { name: "b" },
      ],
    });
    const { packages, relationships } = spdx as {
      packages: readonly { SPDXID: string }[];
      relationships: readonly { relatedSpdxElement: string }[];
    };
    expect(relationships.map((one) => one.relatedSpdxElement)).toEqual(packages.map((one) => one.SPDXID));
  });
});

describe("the bill of materials of yarn-install", () => {
  it("follows package.json through the lock of Yarn 1", () => {
    expect(purls("yarn", YARN_1, MANIFEST)).toEqual(["%40scope/a@1.0.0", "%40scope/c@2.0.0", "b@2.0.1"]);
    expect(purls("yarn", YARN_1, MANIFEST, "test")).toContain("tool@1.0.0");
  });

  it("follows package.json through the lock of Yarn 4, names aliases by what they are, and leaves other machines out", () => {
    const manifest = { ...MANIFEST, dependencies: { ...MANIFEST.dependencies, alias: "npm:real@^3" } };
    expect(purls("yarn", YARN_4, manifest)).toEqual(["%40scope/a@1.0.0", "b@2.0.1", "real@3.0.0"]);
  });
});

describe("a lock of Yarn 1 with addresses", () => {
  it("gets those of packages with a hash in one registry, and keeps all others", () => {
    const file = join(root, "yarn.lock");
    const other = 'git@^1:\n  version "1.0.0"\n  resolved "https://code.test/git.git#abc"\n';
    writeFileSync(file, `${YARN_1}\n${other}`);
    execFileSync(process.execPath, [
      join(buildpackDirectory("yarn-install"), "lib/own-registry.mjs"),
      file,
      "https://mirror.test/npm",
    ]);
    const text = readFileSync(file, "utf8");
    expect(text).toContain('resolved "https://mirror.test/npm/@scope/a/-/a-1.0.0.tgz#0102"');
    expect(text).toContain('resolved "https://mirror.test/npm/b/-/b-2.0.1.tgz"');
    expect(text).toContain('resolved "https://code.test/git.git#abc"');
    expect(text).not.toContain("registry.test");
  });
});
