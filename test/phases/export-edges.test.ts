import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { TspackError } from "../../lifecycle/errors.ts";
import { type Logger, silentLogger } from "../../lifecycle/logger.ts";
import { analyzedImages } from "../../lifecycle/phases/export/analyzed-images.ts";
import type { ExportInputs } from "../../lifecycle/phases/export/inputs.ts";
import { copyLifecycleSboms } from "../../lifecycle/phases/export/sboms.ts";
import { inPhase } from "../../lifecycle/phases/in-phase.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tspack-edges-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("what fails in a phase", () => {
  const failure = { code: "EXPORT_FAILED", prefix: "failed to export", keep: ["NOT_REBASABLE"] } as const;
  const failing = (cause: unknown, signal = new AbortController().signal) =>
    inPhase({ ...failure, signal }, () => Promise.reject(cause as Error));

  test("has the phase's words and code, and keeps the hint", async () => {
    const cause = new TspackError("INVALID_LAYER", "bad", { hint: "mend it" });
    const told = { code: "EXPORT_FAILED", message: "failed to export: bad", hint: "mend it", cause };
    await expect(failing(cause)).rejects.toMatchObject(told);
  });

  test.each([
    ["NOT_REBASABLE", "failed to export: x"],
    ["CANCELED", "x"],
    ["DISK_FULL", "x"],
  ] as const)("%s keeps its code", async (code, message) => {
    await expect(failing(new TspackError(code, "x"))).rejects.toMatchObject({ code, message });
  });

  test("is a full disk when the system says so, and else names call and path", async () => {
    const full = Object.assign(new Error("ENOSPC: …"), { code: "ENOSPC", syscall: "write" });
    await expect(failing(full)).rejects.toMatchObject({ code: "DISK_FULL", hint: expect.any(String) });
    const missing = await readFile(join(root, "none")).catch((error: unknown) => error);
    await expect(failing(missing)).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: `failed to export: open ${join(root, "none")}: no such file or directory`,
    });
  });

  test("is canceled when it was aborted, whatever was thrown", async () => {
    await expect(failing(new Error("aborted"), AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELED" });
  });

  test("passes as it is when it is a bug", async () => {
    const bug = new RangeError("a bug");
    await expect(failing(bug)).rejects.toBe(bug);
  });
});

describe("SBOMs of the lifecycle", () => {
  const target = "layers/sbom/build/buildpacksio_lifecycle";

  test("are copied, and those that are missing are warned about", () => {
    writeFileSync(join(root, "lifecycle.sbom.cdx.json"), "{}");
    const lines: string[] = [];
    copyLifecycleSboms(sbomInputs(), lineLogger(lines));
    expect(readFileSync(join(root, target, "sbom.cdx.json"), "utf8")).toBe("{}");
    expect(lines).toContain(
      "Copying SBOM lifecycle.sbom.cdx.json to /layers/sbom/build/buildpacksio_lifecycle/sbom.cdx.json",
    );
    expect(lines.filter((line) => line.startsWith("Did not find SBOM"))).toHaveLength(5);
  });

  test("do not go where a buildpack's link leads", () => {
    writeFileSync(join(root, "lifecycle.sbom.cdx.json"), "{}");
    writeFileSync(join(root, "precious"), "mine");
    mkdirSync(join(root, target), { recursive: true });
    symlinkSync(join(root, "precious"), join(root, target, "sbom.cdx.json"));
    copyLifecycleSboms(sbomInputs(), silentLogger);
    expect(readFileSync(join(root, "precious"), "utf8")).toBe("mine");
    expect(lstatSync(join(root, target, "sbom.cdx.json")).isFile()).toBe(true);
  });

  test("come from another directory when one is named, which has to be there", () => {
    mkdirSync(join(root, "own"));
    writeFileSync(join(root, "own/mine.sbom.spdx.json"), "{}");
    copyLifecycleSboms(sbomInputs(join(root, "own")), silentLogger);
    const copied = join(root, "layers/sbom/launch/buildpacksio_lifecycle/launcher/mine.sbom.spdx.json");
    expect(readFileSync(copied, "utf8")).toBe("{}");
    expect(() => copyLifecycleSboms(sbomInputs(join(root, "none")), silentLogger)).toThrowError(
      expect.objectContaining({ code: "EXPORT_FAILED" }),
    );
  });

  test("are not copied below Platform API 0.11", () => {
    writeFileSync(join(root, "lifecycle.sbom.cdx.json"), "{}");
    copyLifecycleSboms({ ...sbomInputs(), features: platformFeatures("0.10") }, silentLogger);
    expect(() => lstatSync(join(root, "layers"))).toThrowError();
  });
});

describe("the images of analyzed.toml", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  test("are references", () => {
    const { runImage, previousImage } = analyzedImages(analyzed(`localhost/run@${digest}`), undefined);
    expect([runImage.repository, runImage.digest, previousImage]).toEqual(["run", digest, undefined]);
  });

  test.each([
    [`/repo/index.docker.io/library/run/v1@${digest}`, "index.docker.io", "library/run", "v1", undefined],
    [`/repo/localhost/a/run/latest`, "localhost", "a/run", "latest", undefined],
    [`/repo/localhost/run/sha256/${"a".repeat(64)}@${digest}`, "localhost", "run", undefined, digest],
  ])("are paths in a directory of layouts: %s", (path, registry, repository, tag, wanted) => {
    const { runImage, previousImage } = analyzedImages(analyzed(path, path), "/repo");
    expect(runImage).toMatchObject({ registry, repository, tag, digest: wanted });
    expect(previousImage).toEqual(runImage);
  });

  test("need a run image", () => {
    expect(() => analyzedImages(analyzed(""), undefined)).toThrowError(
      expect.objectContaining({ code: "INVALID_ARGUMENTS" }),
    );
  });
});

function analyzed(runImage: string, previous = "") {
  const previousImage = { reference: previous };
  return { metadata: noLayersMetadata, runImage: { reference: runImage }, previousImage };
}

function sbomInputs(sbomDir?: string): Pick<ExportInputs, "features" | "layers" | "launcher"> {
  const launcher = { path: "", lifecycleDir: root, sbomDir, version: { version: "", repository: "", commit: "" } };
  const layers = { path: join(root, "layers"), name: "/layers" };
  return { features: platformFeatures("0.13"), layers, launcher };
}

function lineLogger(lines: string[]): Logger {
  const add = (line: string): void => void lines.push(line);
  return { ...silentLogger, debug: add, warn: add };
}
