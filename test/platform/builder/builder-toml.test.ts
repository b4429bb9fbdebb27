import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../../../lifecycle/errors.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import { imageFromParts, memoryLayer } from "../../../lifecycle/oci/memory-image.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import {
  buildpackEntries,
  readBuilderBuildpacks,
  readBuildpackDirectory,
} from "../../../lifecycle/platform/builder/buildpack-layer.ts";
import { decodeBuilderToml } from "../../../lifecycle/platform/builder/builder-toml.ts";
import { createBuilder, type CreateBuilderInputs } from "../../../lifecycle/platform/builder/create-builder.ts";
import { parseToml } from "../../../lifecycle/toml.ts";
import { readTomlFile } from "../../../lifecycle/phases/files.ts";

const folder = mkdtempSync(join(tmpdir(), "tspack-builder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  mkdirSync(join(folder, "bp/bin"), { recursive: true });
  writeFileSync(join(folder, "bp/buildpack.toml"), 'api = "0.10"\n[buildpack]\nid = "test/one"\nversion = "1.2.3"\n');
  for (const name of ["detect", "build"]) {
    writeFileSync(join(folder, "bp/bin", name), "#!/bin/sh\n");
    chmodSync(join(folder, "bp/bin", name), 0o775);
  }
});

const issuesOf = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError)
      return error.issues.map(({ source, path, expected }) => `${source} ${path}: ${expected}`);
    throw error;
  }
  return [];
};

const order = '[[order]]\n[[order.group]]\nid = "test/one"\nversion = "1.2.3"\n';

describe("builder.toml", () => {
  test("of the default builder reads, and its order names its buildpacks", () => {
    const directory = resolve(import.meta.dirname, "../../../buildpacks");
    const definition = decodeBuilderToml(readTomlFile(join(directory, "builder.toml")));
    const ids = readBuilderBuildpacks(definition.buildpacks, directory).map(({ descriptor }) => descriptor.id);
    expect(
      definition.order.flatMap(({ group }) => group.map(({ id }) => id)).filter((id) => !ids.includes(id)),
    ).toEqual([]);
  });

  test("may name images in the old and in the new way", () => {
    const read = (text: string): object => decodeBuilderToml(parseToml(text + order, "b.toml"));
    expect(read('[stack]\nbuild-image = "b"\nrun-image = "r"\nrun-image-mirrors = ["m"]\n')).toMatchObject({
      buildImage: "b",
      runImages: [{ image: "r", mirrors: ["m"] }],
    });
    expect(read('[build]\nimage = "b"\n[[run.images]]\nimage = "r"\n')).toMatchObject({
      buildImage: "b",
      runImages: [{ image: "r", mirrors: [] }],
    });
  });

  test("is refused with every problem and its place", () => {
    const text = 'description = 1\n[[buildpacks]]\nid = "x"\n[lifecycle]\nuri = "l.tgz"\n';
    expect(issuesOf(() => decodeBuilderToml(parseToml(text, "b.toml")))).toEqual([
      "b.toml order: at least one [[order]] with a group",
      "b.toml:4:1 lifecycle: nothing: tspack can not put this into a builder yet",
      "b.toml:1:1 description: a string",
      "b.toml:2:1 buildpacks[0].uri: a string that is not empty",
    ]);
  });

  test("may not call a buildpack what it is not", () => {
    expect(issuesOf(() => readBuilderBuildpacks([{ uri: "bp", id: "test/two", version: "1.2.3" }], folder))).toEqual([
      "builder.toml buildpacks[0]: id test/one, as in bp",
    ]);
  });
});

describe("a buildpack's layer", () => {
  test("does not depend on the umask of a checkout, and belongs to root", () => {
    const entries = buildpackEntries(readBuildpackDirectory(join(folder, "bp")));
    expect(entries.map(({ name, mode, uid }) => [name, mode.toString(8), uid])).toEqual([
      ["/cnb", "755", 0],
      ["/cnb/buildpacks", "755", 0],
      ["/cnb/buildpacks/test_one", "755", 0],
      ["/cnb/buildpacks/test_one/1.2.3", "755", 0],
      ["/cnb/buildpacks/test_one/1.2.3/bin", "755", 0],
      ["/cnb/buildpacks/test_one/1.2.3/bin/build", "755", 0],
      ["/cnb/buildpacks/test_one/1.2.3/bin/detect", "755", 0],
      ["/cnb/buildpacks/test_one/1.2.3/buildpack.toml", "644", 0],
    ]);
  });

  test("is refused when a program is missing or not executable", () => {
    const directory = join(folder, "broken");
    mkdirSync(join(directory, "bin"), { recursive: true });
    writeFileSync(join(directory, "buildpack.toml"), 'api = "0.10"\n[buildpack]\nid = "a/b"\nversion = "1"\n');
    writeFileSync(join(directory, "bin/detect"), "");
    expect(() => readBuildpackDirectory(directory)).toThrow(/bin\/detect of a\/b is not executable/);
    chmodSync(join(directory, "bin/detect"), 0o755);
    expect(() => readBuildpackDirectory(directory)).toThrow(/bin\/build of a\/b is missing/);
  });
});

describe("a builder image", () => {
  const ctx = {
    logger: silentLogger,
    progress: silentProgress,
    clock: () => new Date(0),
    signal: new AbortController().signal,
  };
  const buildImage = (env: readonly string[]): CreateBuilderInputs["buildImage"] =>
    imageFromParts({
      format: "oci",
      layers: [memoryLayer(new Uint8Array(1024))],
      config: { os: "linux", architecture: "amd64", config: { Env: env } },
    });
  const inputs = (env: readonly string[], id = "test/one"): CreateBuilderInputs => ({
    description: "",
    buildImage: buildImage(env),
    runImages: [{ image: "run", mirrors: [] }],
    buildpacks: [readBuildpackDirectory(join(folder, "bp"))],
    order: [{ group: [{ id, version: "1.2.3" }] }],
    lifecycle: { descriptor: "", files: [] },
  });
  const user = ["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"];

  test("is the build image with a layer for the lifecycle, each buildpack and the order, always the same bytes", async () => {
    const [first, second] = [
      await createBuilder(inputs(user), memoryBlobCache(), ctx),
      await createBuilder(inputs(user), memoryBlobCache(), ctx),
    ];
    await validate(first);
    const { value } = await first.config();
    expect(value.rootfs.diff_ids).toHaveLength(4);
    expect(JSON.parse(value.config?.Labels?.["io.buildpacks.builder.metadata"] ?? "")).toMatchObject({
      buildpacks: [{ id: "test/one", version: "1.2.3" }],
      stack: { runImage: { image: "run" } },
    });
    expect((await first.manifest()).digest).toBe((await second.manifest()).digest);
  });

  test("needs a build user, and an order of buildpacks that it has", async () => {
    await expect(createBuilder(inputs(["CNB_USER_ID=x"]), memoryBlobCache(), ctx)).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      issues: [{ path: "env CNB_USER_ID" }, { path: "env CNB_GROUP_ID" }],
    });
    await expect(createBuilder(inputs(user, "test/other"), memoryBlobCache(), ctx)).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      issues: [{ got: "test/other@1.2.3" }],
    });
  });
});
