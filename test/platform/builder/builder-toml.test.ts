import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../../../lifecycle/errors.ts";
import { memoryBlobCache } from "../../../lifecycle/stores/blob-cache/memory.ts";
import { imageFromParts, memoryLayer } from "../../../lifecycle/oci/memory-image.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { decodeBuilderToml } from "../../../lifecycle/cnb/files/builder-toml.ts";
import { modulesOf } from "../../../lifecycle/platform/builder/builder-of-toml.ts";
import {
  directoryModule,
  moduleEntries,
  readModuleDirectory,
} from "../../../lifecycle/platform/buildpacks/directory-module.ts";
import { portsIn } from "../buildpacks/module-fixture.ts";
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
  test("of the default builder reads, and its order names its buildpacks", async () => {
    // As in dist/: with the files that links of this checkout lead to.
    const whole = join(folder, "buildpacks");
    cpSync(resolve(import.meta.dirname, "../../../buildpacks"), whole, { recursive: true, dereference: true });
    const file = join(whole, "builder.toml");
    const definition = decodeBuilderToml(readTomlFile(file));
    const modules = await modulesOf(definition.buildpacks, "buildpack", file, await portsIn(folder));
    const ids = modules.map(({ descriptor }) => descriptor.id);
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
    const text =
      'description = 1\nordre = []\n[[buildpacks]]\nid = "x"\n[lifecycle]\nuri = "l.tgz"\nversion = "1.0.0"\n' +
      '[[build.env]]\nname = "A"\nsuffix = "append"\n';
    expect(issuesOf(() => decodeBuilderToml(parseToml(text, "b.toml")))).toEqual([
      expect.stringContaining("b.toml:2:1 ordre: one of description, buildpacks"),
      "b.toml order: at least one [[order]] with a group",
      "b.toml:1:1 description: a string",
      "b.toml:3:1 buildpacks[0].uri: a string that is not empty",
      "b.toml:8:1 build.env[0].delim: what stands between the values, as suffix is append",
      "b.toml:7:1 lifecycle.version: either uri or version",
    ]);
  });

  test("may not call a buildpack what it is not", async () => {
    const sources = [{ uri: "bp", id: "test/two", version: "1.2.3" }];
    const file = join(folder, "builder.toml");
    await expect(modulesOf(sources, "buildpack", file, await portsIn(folder))).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      issues: [{ source: file, path: "buildpacks[0].id", expected: "test/one, as it says itself", got: "test/two" }],
    });
  });
});

describe("a buildpack's layer", () => {
  test("does not depend on the umask of a checkout, and belongs to root", () => {
    const directory = join(folder, "bp");
    const entries = moduleEntries("buildpack", readModuleDirectory(directory, "buildpack"), directory);
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
    expect(() => readModuleDirectory(directory, "buildpack")).toThrow(/bin\/detect of a\/b is not executable/);
    chmodSync(join(directory, "bin/detect"), 0o755);
    expect(() => readModuleDirectory(directory, "buildpack")).toThrow(/bin\/build of a\/b is missing/);
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
  const lifecycle = {
    version: "1.0.0",
    apis: { buildpack: { deprecated: [], supported: ["0.10"] }, platform: { deprecated: [], supported: ["0.12"] } },
    entries: [],
  };
  const inputs = async (env: readonly string[], id = "test/one", version = "1.2.3"): Promise<CreateBuilderInputs> => ({
    description: "",
    platform: { os: "linux", architecture: "amd64" },
    buildImage: buildImage(env),
    runImages: [{ image: "run", mirrors: [] }],
    buildpacks: [await directoryModule(join(folder, "bp"), "buildpack", memoryBlobCache())],
    extensions: [],
    order: [{ group: [{ id, version }] }],
    orderExtensions: [],
    system: { pre: [], post: [] },
    buildEnv: [],
    lifecycle,
  });
  const user = ["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"];

  test("is the build image with a layer for the lifecycle, each buildpack and the order, always the same bytes", async () => {
    const [first, second] = [
      await createBuilder(await inputs(user), memoryBlobCache(), ctx),
      await createBuilder(await inputs(user), memoryBlobCache(), ctx),
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
    await expect(createBuilder(await inputs(["CNB_USER_ID=x"]), memoryBlobCache(), ctx)).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      issues: [{ path: "env CNB_USER_ID" }, { path: "env CNB_GROUP_ID" }],
    });
    await expect(createBuilder(await inputs(user, "test/other"), memoryBlobCache(), ctx)).rejects.toMatchObject({
      code: "INVALID_BUILDER",
      issues: [{ got: "test/other@1.2.3" }],
    });
  });
});
