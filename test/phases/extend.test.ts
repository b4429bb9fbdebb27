import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { InputError } from "../../lifecycle/errors.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import type { ContainerConfig } from "../../lifecycle/oci/image-config.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { extend, type ImageKind } from "../../lifecycle/phases/extend.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
beforeEach(() => {
  builder = fixture();
});
afterEach(() => builder.remove());

const base = imageFromParts({
  format: "oci",
  config: {
    architecture: "amd64",
    os: "linux",
    history: [{ created_by: "base" }, { created_by: "nothing", empty_layer: true }],
    config: { Env: ["PATH=/bin", "A=old"], User: "1000:1001", Labels: { of: "base" } },
  },
  layers: [memoryLayer(Buffer.from("base"))],
});

interface Options {
  readonly api?: string;
  readonly kind?: ImageKind;
}

async function run(ids: readonly string[], { api = "0.13", kind = "run" }: Options = {}): Promise<Image | undefined> {
  const { image } = await extend(
    {
      features: platformFeatures(api),
      kind,
      extensions: ids.map((id) => ({ id, version: "1", extension: true })),
      generatedDir: join(builder.dir, "generated"),
    },
    { base: () => Promise.resolve(base), buildId: () => "some-uuid", ctx: builder.ctx },
  );
  return image;
}

const configOf = async (image: Image | undefined): Promise<ContainerConfig> =>
  (await image?.config())?.value.config ?? {};
const warnings = (): readonly string[] => builder.log.filter((line) => line.startsWith("warn "));

describe("Dockerfiles of the run image", () => {
  test("set variables, labels, the shell and the user, and add no layer", async () => {
    builder.write(
      "generated/a_x/run.Dockerfile",
      [
        "FROM ${base_image}",
        "ARG build_id=0",
        "ARG greeting",
        "ARG other=${build_id}-$A",
        "ARG user_id",
        "ARG group_id",
        'ENV A="$A new" B=$greeting \\',
        "  C=${none:-$build_id}",
        "ENV D the rest of the line",
        'LABEL one=1 "two words"=$other',
        'SHELL ["/bin/bash", "-c"]',
        "USER root",
        "USER ${user_id}:${group_id}",
      ].join("\n"),
    );
    builder.write("generated/a_x/extend-config.toml", '[[run.args]]\nname = "greeting"\nvalue = "hello"\n');
    const image = await run(["a/x"]);
    expect(await configOf(image)).toEqual({
      Env: ["PATH=/bin", "A=old new", "B=hello", "C=some-uuid", "D=the rest of the line"],
      Labels: { of: "base", one: "1", "two words": "some-uuid-old", "io.buildpacks.rebasable": "false" },
      Shell: ["/bin/bash", "-c"],
      User: "1000:1001",
    });
    expect((await image?.config())?.value.history).toEqual([{ created_by: "base" }]);
    if (image !== undefined) await validate(image);
    expect(warnings()).toEqual([]);
  });

  test("see no argument that they do not declare", async () => {
    builder.write("generated/a/run.Dockerfile", "ARG build_id\nFROM ${base_image}\nENV A=[$build_id][$base_image]");
    expect((await configOf(await run(["a"]))).Env).toContain("A=[][]");
  });

  test("leave an image that can be rebased when all of them say so", async () => {
    builder.write("generated/a/run.Dockerfile", "FROM ${base_image}\nLABEL io.buildpacks.rebasable=true");
    builder.write("generated/b/run.Dockerfile", "FROM ${base_image}\nLABEL io.buildpacks.rebasable=false");
    const label = async (...ids: readonly string[]): Promise<unknown> =>
      (await configOf(await run(ids))).Labels?.["io.buildpacks.rebasable"];
    expect([await label("a"), await label("a", "b"), await label("b", "a")]).toEqual(["true", "false", "false"]);
  });

  test("may make the user root for a while, but not at the end", async () => {
    builder.write("generated/a/run.Dockerfile", "FROM ${base_image}\nUSER 0");
    builder.write("generated/b/run.Dockerfile", "FROM ${base_image}\nUSER 5");
    expect((await configOf(await run(["a", "b"]))).User).toBe("5");
    const path = join(builder.dir, "generated/a/run.Dockerfile");
    expect(warnings()).toEqual([
      `warn Extension from ${path} changed the user ID from 1000 to 0; this must not be the final user ID (a following extension must reset the user).`,
      "warn The original user ID was 1000 but the final extension left the user ID set to 5.",
    ]);
    await expect(run(["a"])).rejects.toMatchObject({
      code: "EXTEND_FAILED",
      message:
        "failed to extend run image: extending run image: the final user ID is 0 (root); please add another extension that resets the user to non-root",
    });
  });

  test("that are put aside do not count: the image stays as it is", async () => {
    builder.write("generated/a/run.Dockerfile.ignore", "FROM ${base_image}\nUSER 5");
    expect((await configOf(await run(["a"]))).User).toBe("1000:1001");
  });

  test("lie elsewhere below Platform API 0.13", async () => {
    builder.write("generated/run/a_x/Dockerfile", "FROM ${base_image}\nENV A=$v\nARG v\nENV B=$v");
    builder.write("generated/run/a_x/extend-config.toml", '[[run.args]]\nname = "v"\nvalue = "w"\n');
    expect((await configOf(await run(["a/x"], { api: "0.12" }))).Env).toEqual(["PATH=/bin", "A=", "B=w"]);
  });
});

describe("Dockerfiles of the build image", () => {
  test("may leave root as the user", async () => {
    builder.write("generated/a/build.Dockerfile", "ARG base_image\nFROM ${base_image}\nUSER root\nENV A=new");
    expect(await configOf(await run(["a"], { kind: "build" }))).toMatchObject({
      User: "root",
      Env: ["PATH=/bin", "A=new"],
    });
  });

  test("need not be there: then there is nothing to extend", async () => {
    expect(await run(["a"], { kind: "build" })).toBeUndefined();
  });
});

describe("what cannot be applied is EXTEND_FAILED", () => {
  test("with every instruction that would have to run, before anything is done", async () => {
    builder.write("generated/a/run.Dockerfile", "FROM ${base_image}\nUSER 0\nRUN true\nCOPY a b");
    builder.write("generated/b/run.Dockerfile", "FROM ${base_image}\nWORKDIR /x");
    const error: unknown = await run(["a", "b"]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "EXTEND_FAILED",
      message:
        "failed to extend run image: applying Dockerfile to image: this lifecycle has no executor for RUN, COPY, WORKDIR",
    });
    const { cause } = error as { readonly cause: InputError };
    expect(cause.issues.map(({ source, got }) => `${source.replace(builder.dir, "")} ${got}`)).toEqual([
      "/generated/a/run.Dockerfile:3 RUN",
      "/generated/a/run.Dockerfile:4 COPY",
      "/generated/b/run.Dockerfile:2 WORKDIR",
    ]);
  });

  test.each([
    ["ENV a", /line 2: a name without a value$/],
    ["ENV a=b c", /line 2: can't find = in "c"$/],
    ["SHELL bash -c", /line 2: SHELL requires the arguments to be in JSON form$/],
    ["USER a b", /line 2: USER requires exactly one argument$/],
    ["LABEL a='b", /looking for matching '$/],
  ])("as %j is", async (instruction, message) => {
    builder.write("generated/a/run.Dockerfile", `FROM \${base_image}\n${instruction}`);
    await expect(run(["a"])).rejects.toMatchObject({ code: "EXTEND_FAILED", message: expect.stringMatching(message) });
  });

  test("as a link to a file that root alone may read would be", async () => {
    builder.write("secret", "FROM ${base_image}");
    mkdirSync(join(builder.dir, "generated/a"), { recursive: true });
    symlinkSync(join(builder.dir, "secret"), join(builder.dir, "generated/a/run.Dockerfile"));
    expect(existsSync(join(builder.dir, "generated/a/run.Dockerfile"))).toBe(true);
    await expect(run(["a"])).rejects.toMatchObject({
      code: "EXTEND_FAILED",
      message: expect.stringMatching(/is not a regular file$/),
    });
  });
});
