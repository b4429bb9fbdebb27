import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { silentProgress, type Context } from "../../lifecycle/context.ts";
import { fetchNode, newestLts, type NodeRequest, type RunNpm } from "../../lifecycle/distribution/node-runtime.ts";
import { TspackError } from "../../lifecycle/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "tspack-node-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the newest version with long term support", () => {
  const versions = ["24.9.0", "24.11.1", "24.2.0", "25.9.9", "26.0.0", "27.0.0-rc.1", "22.99.0"];

  test.each([
    ["2025-12-01", "24.11.1"],
    ["2026-10-20", "24.11.1"],
    ["2026-11-23", "26.0.0"],
    ["2025-01-01", "22.99.0"],
  ])("on %s is %s", (day, expected) => {
    expect(newestLts(versions, new Date(day))).toBe(expected);
  });

  test("is none when there is none", () => {
    expect(newestLts(["25.0.0", "27.0.0"], new Date("2026-11-23"))).toBeUndefined();
  });
});

describe("fetching Node", () => {
  const tarball = join(folder, "package.tgz");
  const cacheDir = join(folder, "cache");
  let calls: string[] = [];
  let answers: { versions: readonly string[] | undefined; integrity: string };

  beforeEach(() => {
    rmSync(cacheDir, { recursive: true, force: true });
    mkdirSync(join(folder, "package/bin"), { recursive: true });
    writeFileSync(join(folder, "package/bin/node"), "the program", { mode: 0o755 });
    writeFileSync(join(folder, "package/LICENSE"), "the licence");
    writeFileSync(join(folder, "package/README.md"), "not wanted");
    execFileSync("tar", ["czf", tarball, "-C", folder, "package"]);
    const digest = createHash("sha512").update(readFileSync(tarball)).digest("base64");
    answers = { versions: ["24.1.0", "24.2.0", "25.0.0"], integrity: `sha512-${digest}` };
    calls = [];
  });

  /** A registry with one package, at the place where npm would be started. */
  const npm: RunNpm = async (args, cwd) => {
    calls.push(args[0] ?? "");
    if (args[0] === "pack") cpSync(tarball, join(cwd, "node.tgz"));
    if (args[2] === "dist.integrity") return JSON.stringify(answers.integrity);
    if (answers.versions === undefined) throw new TspackError("DOWNLOAD_FAILED", "no network");
    return JSON.stringify(answers.versions);
  };
  const warnings: string[] = [];
  const logger = { debug: () => {}, info: () => {}, warn: (line: string) => void warnings.push(line), error: () => {} };
  const ctx = {
    logger: { ...logger, phase: () => {} },
    progress: silentProgress,
    clock: () => new Date("2026-01-01"),
    signal: new AbortController().signal,
  } as unknown as Context;
  const fetch = (more: Partial<NodeRequest> = {}): ReturnType<typeof fetchNode> =>
    fetchNode({ arch: "amd64", cacheDir, ctx, npm, ...more });

  test("keeps the program and its licence, and nothing else", async () => {
    const runtime = await fetch();
    expect(runtime.version).toBe("24.2.0");
    expect(readFileSync(runtime.binary, "utf8")).toBe("the program");
    expect(statSync(runtime.binary).mode & 0o777).toBe(0o755);
    expect(readFileSync(runtime.license, "utf8")).toBe("the licence");
    expect(readdirSync(cacheDir)).toEqual(["node-24.2.0-amd64"]);
  });

  test("does not download what it has", async () => {
    await fetch();
    calls = [];
    await fetch();
    expect(calls).toEqual(["view"]);
    calls = [];
    await fetch({ version: "24.2.0" });
    expect(calls).toEqual([]);
  });

  test("takes what it has when there is no network, with a warning", async () => {
    await fetch();
    answers = { ...answers, versions: undefined };
    expect((await fetch()).version).toBe("24.2.0");
    expect(warnings).toHaveLength(1);
    await expect(fetch({ arch: "arm64" })).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  });

  test("refuses a package that is not the registry's, and leaves nothing behind", async () => {
    answers = { ...answers, integrity: "sha512-AAAA" };
    await expect(fetch()).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  test("refuses a package without the program", async () => {
    rmSync(join(folder, "package/bin/node"));
    execFileSync("tar", ["czf", tarball, "-C", folder, "package"]);
    answers = {
      ...answers,
      integrity: `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`,
    };
    await expect(fetch()).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    expect(readdirSync(cacheDir)).toEqual([]);
  });
});
