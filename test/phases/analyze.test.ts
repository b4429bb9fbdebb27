import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { Analyzed } from "../../lifecycle/cnb/files/analyzed.ts";
import { encodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { RemoteError } from "../../lifecycle/errors.ts";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { imageFromParts } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { analyze, type AnalyzeInputs, type AnalyzePorts } from "../../lifecycle/phases/analyze.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import type { AccessCheck } from "../../lifecycle/stores/store.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
let images: ReturnType<typeof memoryStore>;
beforeEach(() => {
  builder = fixture();
  images = memoryStore();
});
afterEach(() => builder.remove());

const app = parseReference("reg.test/apps/app");
const run = parseReference("reg.test/run/base:v1");

async function put(
  ref: typeof app,
  config: { readonly os?: string; readonly variant?: string; readonly labels?: Readonly<Record<string, string>> } = {},
  layers: readonly Layer[] = [],
): Promise<Image> {
  const { os = "linux", variant, labels = {} } = config;
  const image = imageFromParts({
    config: { os, architecture: "arm64", ...(variant === undefined ? {} : { variant }), config: { Labels: labels } },
    layers,
    format: "oci",
  });
  await images.write(image, [ref]);
  return image;
}

function analyzed(more: Partial<AnalyzeInputs> = {}, ports: Partial<AnalyzePorts> = {}): Promise<Analyzed> {
  const inputs = {
    features: platformFeatures("0.13"),
    outputImages: [app],
    previousImage: undefined,
    runImage: run,
    cacheImage: undefined,
    layers: { path: builder.layers.path, name: "/layers" },
    skipLayers: false,
  };
  return analyze({ ...inputs, ...more }, { images, ctx: builder.ctx, ...ports });
}

const restoredSbom = (): string => readFileSync(join(builder.layers.path, "sbom/launch/x/sbom.cdx.json"), "utf8");

describe("the run image", () => {
  test("is named with its digest, and its target comes from its config and labels", async () => {
    const image = await put(run, {
      variant: "v8",
      labels: {
        "io.buildpacks.base.id": "base",
        "io.buildpacks.base.distro.name": "debian",
        "io.buildpacks.base.distro.version": "12",
      },
    });
    expect((await analyzed()).runImage).toEqual({
      reference: `reg.test/run/base@${(await image.manifest()).digest}`,
      image: "reg.test/run/base:v1",
      target: { id: "base", os: "linux", arch: "arm64", archVariant: "v8", distro: { name: "debian", version: "12" } },
    });
  });

  test("has no target below Platform API 0.12", async () => {
    await put(run);
    expect(Object.keys((await analyzed({ features: platformFeatures("0.11") })).runImage ?? {})).toEqual(["reference"]);
  });

  test("may be missing until export", async () => {
    expect((await analyzed()).runImage?.reference).toBe("");
    expect(builder.log).toContain('info Image with name "reg.test/run/base:v1" not found');
  });

  test("without an operating system is ANALYZE_FAILED", async () => {
    await put(run, { os: "" });
    await expect(analyzed()).rejects.toMatchObject({
      code: "ANALYZE_FAILED",
      message: "failed to analyze: failed to find OS in run image config",
    });
  });

  test("in a layout directory is named by its path", async () => {
    const image = await put(run);
    const result = await analyzed({ layoutDir: "/layout-repo" });
    expect(result.runImage?.image).toBe("/layout-repo/reg.test/run/base/v1");
    expect(result.runImage?.reference).toBe(`/layout-repo/reg.test/run/base/v1@${(await image.manifest()).digest}`);
  });
});

describe("the previous image", () => {
  const label = "io.buildpacks.lifecycle.metadata";
  const metadata = { ...noLayersMetadata, launcher: { sha: `sha256:${"a".repeat(64)}` } };

  test("is the output image when nothing else was said, and gives its metadata", async () => {
    const image = await put(app, { labels: { [label]: encodeLayersMetadata(metadata) } });
    const result = await analyzed();
    expect(result.previousImage).toEqual({ reference: `reg.test/apps/app@${(await image.manifest()).digest}` });
    expect(result.metadata).toEqual(metadata);
  });

  test("that is not there leaves no trace but a line in the log", async () => {
    const result = await analyzed();
    expect(result.previousImage).toEqual({ reference: "" });
    expect(result.metadata).toEqual(noLayersMetadata);
    expect(builder.log).toContain('info Image with name "reg.test/apps/app" not found');
  });

  test("with a label that cannot be read counts as none", async () => {
    await put(app, { labels: { [label]: "{" } });
    expect(await analyzed()).toMatchObject({ previousImage: { reference: "" }, metadata: noLayersMetadata });
  });

  describe("with an SBOM layer", () => {
    beforeEach(async () => {
      const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
      const name = "/layers/sbom/launch/x/sbom.cdx.json";
      const layer = await packEntries(
        [{ ...owner, name, type: "file", mode: 0o644, content: "{}" }],
        memoryBlobCache(),
      );
      const recorded = { ...metadata, sbom: { sha: layer.diffId } };
      await put(app, { labels: { [label]: encodeLayersMetadata(recorded) } }, [layer]);
    });
    test("has it unpacked into the layers directory", async () => {
      await analyzed();
      expect(restoredSbom()).toBe("{}");
      expect(builder.log).toContain("info Restoring data for SBOM from previous image");
    });

    test.each([
      ["with -skip-layers", { skipLayers: true }],
      ["below Platform API 0.8", { features: platformFeatures("0.7") }],
    ])("has it left alone %s", async (_, inputs) => {
      await analyzed(inputs);
      expect(restoredSbom).toThrow("ENOENT");
    });
  });

  test("that says it has an SBOM layer and has none is ANALYZE_FAILED", async () => {
    const broken = { ...metadata, sbom: { sha: `sha256:${"b".repeat(64)}` } };
    await put(app, { labels: { [label]: encodeLayersMetadata(broken) } });
    await expect(analyzed()).rejects.toMatchObject({ code: "ANALYZE_FAILED" });
  });
});

function denying(name: string, want: "read" | "write"): AccessCheck {
  return {
    checkAccess: async (ref, wanted) => {
      if (ref.original !== name || wanted !== want) return;
      const remote = { status: 401, method: "HEAD", url: "https://reg.test/v2/", side: "destination" as const };
      throw new RemoteError("UNAUTHORIZED", "401 Unauthorized", remote);
    },
  };
}

describe("access to the registry", () => {
  const more = {
    outputImages: [app, parseReference("reg.test/apps/app:2")],
    cacheImage: parseReference("reg.test/cache"),
  };

  test.each([
    [
      "reg.test/apps/app",
      "read",
      "validating registry read access: failed to ensure registry read access to reg.test/apps/app: 401 Unauthorized",
    ],
    [
      "reg.test/run/base:v1",
      "read",
      "validating registry read access: failed to ensure registry read access to reg.test/run/base:v1: 401 Unauthorized",
    ],
    [
      "reg.test/apps/app:2",
      "write",
      "validating registry write access: failed to ensure registry read/write access to reg.test/apps/app:2: 401 Unauthorized",
    ],
    [
      "reg.test/cache",
      "write",
      "validating registry write access: failed to ensure registry read/write access to reg.test/cache: 401 Unauthorized",
    ],
  ] as const)("to %s for %s is checked before anything else", async (name, want, reason) => {
    const access = denying(name, want);
    await expect(analyzed(more, { access, cacheAccess: access })).rejects.toMatchObject({
      code: "ANALYZE_FAILED",
      message: `failed to initialize analyzer: ${reason}`,
    });
  });
});
