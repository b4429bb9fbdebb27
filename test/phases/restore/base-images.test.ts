import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import type { Analyzed, AnalyzedRunImage } from "../../../lifecycle/cnb/files/analyzed.ts";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { noLayersMetadata } from "../../../lifecycle/phases/no-layers-metadata.ts";
import { type BaseImageInputs, updateBaseImages } from "../../../lifecycle/phases/restore.ts";
import { readSparseLayout, writeSparseLayout } from "../../../lifecycle/stores/layout/sparse.ts";
import { memoryStore } from "../../../lifecycle/stores/memory.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { type Fixture, fixture } from "../builder-fixture.ts";

let builder: Fixture;
let registries: ReturnType<typeof memoryStore>;
let image: Image;
let digest: string;
beforeEach(async () => {
  builder = fixture();
  registries = memoryStore();
  const labels = { "io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "12" };
  image = testImage({ layers: [noise(1000, 1), noise(1000, 2)], architecture: "arm64", labels });
  ({ digest } = await image.manifest());
  await registries.write(image, [parseReference("reg.test/base:v1")]);
});
afterEach(() => builder.remove());

const cacheDir = (): string => join(builder.dir, "kaniko/cache/base");
const kept = (): readonly string[] => (existsSync(cacheDir()) ? readdirSync(cacheDir()) : []);

function update(
  runImage: AnalyzedRunImage | undefined,
  { api = "0.13", ...more }: Partial<BaseImageInputs> & { readonly api?: string } = {},
): Promise<Analyzed> {
  const analyzed: Analyzed = { metadata: noLayersMetadata, ...(runImage === undefined ? {} : { runImage }) };
  const inputs = { features: platformFeatures(api), analyzed, buildImage: undefined, layoutDir: undefined };
  const keep = async (one: Image): Promise<void> => void (await writeSparseLayout(cacheDir(), one));
  return updateBaseImages(
    { ...inputs, hasExtensions: true, ...more },
    { images: registries, registries, keep, ctx: builder.ctx },
  );
}

const switched = { reference: "reg.test/base:v1", image: "reg.test/base:v1" };
const target = { os: "linux", arch: "arm64", distro: { name: "debian", version: "12" } };

describe("the build image", () => {
  const buildImage = parseReference("reg.test/base:v1");

  test("is written down with its digest, and its manifest and config are kept without layers", async () => {
    const analyzed = await update(undefined, { buildImage, hasExtensions: false });
    expect(analyzed.buildImage).toEqual({ reference: `reg.test/base@${digest}` });
    expect(kept()).toEqual([digest]);
    expect(readdirSync(join(cacheDir(), digest)).toSorted()).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(readdirSync(join(cacheDir(), digest, "blobs/sha256"))).toHaveLength(2);
    const sparse = await readSparseLayout(join(cacheDir(), digest));
    expect(sparse?.present).toEqual([false, false]);
    expect((await sparse?.image.config())?.digest).toBe((await image.config()).digest);
  });

  test("is not looked at below Platform API 0.10", async () => {
    expect(await update(undefined, { api: "0.9", buildImage })).toEqual({ metadata: noLayersMetadata });
    expect(kept()).toEqual([]);
  });

  test("that is not there ends the restorer with its name", async () => {
    const gone = parseReference("reg.test/gone");
    await expect(update(undefined, { buildImage: gone })).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: "failed to pull builder image reg.test/gone: failed to get remote image",
    });
  });

  test("that cannot be kept names the directory", async () => {
    writeFileSync(join(builder.dir, "kaniko"), "");
    await expect(update(undefined, { buildImage })).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: expect.stringMatching(
        /^failed to pull builder image reg\.test\/base:v1: failed to create cache directory: mkdir .*kaniko/,
      ),
    });
  });
});

describe("the run image", () => {
  test("that is to be extended gets digest and target, and is kept", async () => {
    const { runImage } = await update({ ...switched, extend: true });
    expect(runImage).toEqual({
      reference: `reg.test/base@${digest}`,
      image: "reg.test/base:v1",
      extend: true,
      target,
    });
    expect(kept()).toEqual([digest]);
  });

  test("that was only switched gets digest and target, and nothing is kept", async () => {
    const { runImage } = await update(switched);
    expect(runImage).toEqual({ reference: `reg.test/base@${digest}`, image: "reg.test/base:v1", target });
    expect(kept()).toEqual([]);
  });

  test("that is known stays as it is", async () => {
    const known = { reference: "reg.test/base@sha256:0", image: "reg.test/base:v1", target };
    expect((await update(known)).runImage).toBe(known);
  });

  test("is not looked at in a build without extensions", async () => {
    expect((await update(switched, { hasExtensions: false })).runImage).toBe(switched);
  });

  test("has no target below Platform API 0.12, and is not kept although it is extended", async () => {
    const { runImage } = await update({ ...switched, extend: true }, { api: "0.11" });
    expect(runImage).toEqual({ reference: `reg.test/base@${digest}`, image: "reg.test/base:v1", extend: true });
    expect(kept()).toEqual([]);
  });

  test("that an extension named and nobody has ends the restorer", async () => {
    await expect(update({ reference: "reg.test/gone", image: "reg.test/gone" })).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: "failed to get run image reg.test/gone: it was not found",
    });
  });
});
