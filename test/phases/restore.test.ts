import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LayerCache } from "../../lifecycle/cache/cache.ts";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { BuildpackLayerMetadata, LayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { TspackError } from "../../lifecycle/errors.ts";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { restore, type RestoreInputs, type RestoreResult } from "../../lifecycle/phases/restore.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

let builder: Fixture;
let cache: LayerCache;
beforeEach(async () => {
  builder = fixture();
  mkdirSync(join(builder.dir, "cache"));
  cache = await openVolumeCache(join(builder.dir, "cache"), builder.ctx);
});
afterEach(() => builder.remove());

// Inside a builder the directory is called /layers: names in tars say so, wherever it is here.
const layers = (): RestoreInputs["layers"] => ({ path: builder.layers.path, name: "/layers" });

function run(more: Partial<RestoreInputs> = {}, from: LayerCache | undefined = cache): Promise<RestoreResult> {
  const inputs = {
    features: platformFeatures("0.13"),
    buildpacks: [{ id: "a/b", version: "1.0.0", api: "0.10" }],
    metadata: noLayersMetadata,
    layers: layers(),
    skipLayers: false,
  };
  return restore({ ...inputs, ...more }, { cache: from, ctx: builder.ctx });
}

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

function tar(files: Readonly<Record<string, string>>): Promise<Layer> {
  const entries = Object.entries(files).map(([name, content]) => ({
    ...owner,
    name,
    type: content === "" ? ("dir" as const) : ("file" as const),
    mode: content === "" ? 0o755 : 0o640,
    ...(content === "" ? {} : { content }),
  }));
  return packEntries(entries, memoryBlobCache());
}

const layer = (sha: string, types: string, data?: BuildpackLayerMetadata["data"]): BuildpackLayerMetadata => ({
  sha,
  data,
  build: types.includes("b"),
  launch: types.includes("l"),
  cache: types.includes("c"),
});

const recorded = (layersOf: Readonly<Record<string, BuildpackLayerMetadata>>): LayersMetadata["buildpacks"] => [
  { key: "a/b", version: "1.0.0", layers: layersOf },
];

async function fill(
  layersOf: Readonly<Record<string, BuildpackLayerMetadata>>,
  content: readonly Layer[],
  sbom?: string,
): Promise<void> {
  for (const one of content) await cache.stage(one);
  await cache.commit({ buildpacks: recorded(layersOf), ...(sbom === undefined ? {} : { sbom: { sha: sbom } }) });
  cache = await openVolumeCache(join(builder.dir, "cache"), builder.ctx);
}

const path = (name: string): string => join(builder.layers.path, name);
const tree = (): readonly string[] => (readdirSync(builder.layers.path, { recursive: true }) as string[]).toSorted();

describe("a cached layer", () => {
  test("comes back with its content, and its metadata without types", async () => {
    const content = await tar({ "/layers": "", "/layers/a_b": "", "/layers/a_b/x": "", "/layers/a_b/x/f": "hello" });
    await fill({ x: layer(content.diffId, "c", { n: 3, list: ["b", "a"] }) }, [content]);
    expect(await run()).toEqual({
      layers: [{ buildpackId: "a/b", name: "x", state: { kind: "restored", from: "cache" } }],
    });
    expect(readFileSync(path("a_b/x/f"), "utf8")).toBe("hello");
    expect(statSync(path("a_b/x/f")).mode & 0o777).toBe(0o640);
    expect(readFileSync(path("a_b/x.toml"), "utf8")).toBe('[metadata]\n  list = ["b", "a"]\n  n = 3.0\n');
  });

  test("without metadata has an empty file", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    await run();
    expect(readFileSync(path("a_b/x.toml"), "utf8")).toBe("");
  });

  test("that is another one than the app image's is removed", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "lc") }, [content]);
    const metadata = { ...noLayersMetadata, buildpacks: recorded({ x: layer(`sha256:${"0".repeat(64)}`, "lc") }) };
    expect((await run({ metadata })).layers).toEqual([
      { buildpackId: "a/b", name: "x", state: { kind: "empty", cause: "stale" } },
    ]);
    expect(tree()).toEqual(["a_b"]);
    expect(builder.log).toContain('info Removing "a/b:x", wrong sha');
  });

  test("whose tar is missing is warned about and skipped, and keeps its metadata", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "c", { v: 1 }) }, [content]);
    rmSync(join(builder.dir, "cache/committed", `${content.diffId}.tar`));
    expect((await run()).layers[0]?.state).toEqual({ kind: "empty", cause: "corrupt" });
    expect(builder.log).toContain(
      `warn Skipping restore for layer a/b:x: failed to find cache layer with SHA '${content.diffId}'`,
    );
    expect(tree()).toEqual(["a_b", "a_b/x.toml"]);
  });

  test("whose tar was changed is warned about and not unpacked", async () => {
    const [content, other] = [await tar({ "/layers/a_b/x": "" }), await tar({ "/layers/a_b/evil": "" })];
    await fill({ x: layer(content.diffId, "c") }, [content, other]);
    const file = join(builder.dir, "cache/committed", `${content.diffId}.tar`);
    writeFileSync(file, readFileSync(join(builder.dir, "cache/committed", `${other.diffId}.tar`)));
    await run();
    expect(builder.log).toContain(
      `warn Skipping restore for layer a/b:x: expected layer contents to have SHA '${content.diffId}'; found '${other.diffId}'`,
    );
    expect(tree()).toEqual(["a_b", "a_b/x.toml"]);
  });

  /** As on file systems whose times do not tell that a tar was hashed by the last build. */
  const forgetChecks = (): void => rmSync(join(builder.dir, "cache/tspack-tars.v1.json"), { force: true });

  test("that is checked while it is unpacked gets its content and its directory's mode", async () => {
    const x = { ...owner, name: "/layers/a_b/x", type: "dir", mode: 0o710 } as const;
    const file = { ...owner, name: "/layers/a_b/x/f", type: "file", mode: 0o600, content: "hello" } as const;
    const content = await packEntries([x, file], memoryBlobCache());
    await fill({ x: layer(content.diffId, "c") }, [content]);
    forgetChecks();
    expect((await run()).layers[0]?.state).toEqual({ kind: "restored", from: "cache" });
    expect(readFileSync(path("a_b/x/f"), "utf8")).toBe("hello");
    expect(statSync(path("a_b/x")).mode & 0o7777).toBe(0o710);
  });

  test("of more than its own directory, as it was packed, comes back as a whole", async () => {
    const content = await tar({ "/layers/a_b/x": "", "/layers/a_b/x/f": "one", "/layers/a_b/other": "two" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    forgetChecks();
    expect((await run()).layers[0]?.state).toEqual({ kind: "restored", from: "cache" });
    expect(readFileSync(path("a_b/other"), "utf8")).toBe("two");
  });

  test("whose tar was changed leaves no trace in another layer of its buildpack, also not through links", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    forgetChecks();
    mkdirSync(path("a_b/other"), { recursive: true });
    const link = { ...owner, name: "/layers/a_b/x/up", type: "symlink", linkname: "../other", mode: 0o777 } as const;
    const through = { ...owner, name: "/layers/a_b/x/up/evil", type: "file", mode: 0o644, content: "evil" } as const;
    const evil = await packEntries([link, through], memoryBlobCache());
    const file = join(builder.dir, "cache/committed", `${content.diffId}.tar`);
    writeFileSync(file, await buffer(evil.uncompressed()));
    expect((await run()).layers[0]?.state).toEqual({ kind: "empty", cause: "corrupt" });
    expect(tree()).toEqual(["a_b", "a_b/other", "a_b/x.toml"]);
    // In the layer's place there may be a link of an earlier build.
    symlinkSync("other", path("a_b/x"));
    const inside = await tar({ "/layers/a_b/x": "", "/layers/a_b/x/evil": "evil" });
    writeFileSync(file, await buffer(inside.uncompressed()));
    expect((await run()).layers[0]?.state).toEqual({ kind: "empty", cause: "corrupt" });
    expect(tree()).toEqual(["a_b", "a_b/other", "a_b/x.toml"]);
  });

  test.each([["/etc/passwd"], ["/layers/../outside"], ["/layers/a_b/../../../outside"]])(
    "whose tar leads to %s is warned about and writes nothing there",
    async (name) => {
      const content = await tar({ [name]: "evil" });
      await fill({ x: layer(content.diffId, "c") }, [content]);
      expect((await run()).layers[0]?.state).toEqual({ kind: "empty", cause: "corrupt" });
      expect(existsSync(join(builder.dir, "outside"))).toBe(false);
    },
  );

  test.each(["../../evil", "/evil", "a/b", "..", ".", "", "a\0b"])(
    "called %j, in the cache or in the image, is not restored",
    async (name) => {
      const content = await tar({ "/layers/a_b/x": "" });
      await fill({ [name]: layer(content.diffId, "c") }, [content]);
      const metadata = { ...noLayersMetadata, buildpacks: recorded({ [name]: layer(content.diffId, "l") }) };
      await run();
      await run({ metadata }, { ...cache, metadata: () => Promise.resolve({ buildpacks: [] }) });
      expect(existsSync(join(builder.dir, "evil.toml"))).toBe(false);
      expect(tree()).toEqual([]);
      expect(builder.log.filter((line) => line.startsWith("warn Skipping restore"))).toHaveLength(2);
    },
  );

  test("that the registry of the cache has lost is warned about and skipped", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    const lost = async function* (): AsyncGenerator<Uint8Array> {
      yield* [];
      throw new TspackError("NOT_FOUND", "no such blob");
    };
    const lookup: LayerCache["lookup"] = () =>
      Promise.resolve({ kind: "hit", layer: { ...content, uncompressed: lost } });
    expect((await run({}, { ...cache, lookup })).layers[0]?.state).toEqual({ kind: "empty", cause: "corrupt" });
    expect(builder.log).toContain("warn Skipping restore for layer a/b:x: no such blob");
  });

  test("of a buildpack that is not in the group stays where it is", async () => {
    const content = await tar({ "/layers/a_b/x": "" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    expect(await run({ buildpacks: [{ id: "other", version: "1", api: "0.10" }] })).toEqual({ layers: [] });
    expect(tree()).toEqual([]);
  });
});

describe("the previous image", () => {
  test("gives back the metadata of launch layers and store.toml, without any cache", async () => {
    const [buildpack] = recorded({ x: layer("sha256:00", "l", { v: "1" }) });
    const buildpacks = [{ ...buildpack!, store: { metadata: { runs: 1 } } }];
    const result = await run({ metadata: { ...noLayersMetadata, buildpacks } }, undefined);
    expect(result.layers).toEqual([
      { buildpackId: "a/b", name: "x", state: { kind: "restored", from: "previous-image" } },
    ]);
    expect(tree()).toEqual(["a_b", "a_b/store.toml", "a_b/x.toml"]);
    expect(readFileSync(path("a_b/store.toml"), "utf8")).toBe("[metadata]\n  runs = 1.0\n");
    expect(builder.log).toContain('info Restoring metadata for "a/b:x" from app image');
  });

  test("with -skip-layers gives back store.toml only", async () => {
    const [buildpack] = recorded({ x: layer("sha256:00", "l") });
    const buildpacks = [{ ...buildpack!, store: { metadata: { runs: 1 } } }];
    await run({ metadata: { ...noLayersMetadata, buildpacks }, skipLayers: true });
    expect(tree()).toEqual(["a_b", "a_b/store.toml"]);
  });
});

describe("SBOM files", () => {
  const launch = "/layers/sbom/launch/a_b/x/sbom.cdx.json";

  test("of the previous image and of the cache go to the buildpacks, and their directory is removed", async () => {
    const sbom = await tar({
      "/layers/sbom": "",
      "/layers/sbom/cache": "",
      "/layers/sbom/cache/a_b": "",
      "/layers/sbom/cache/a_b/c": "",
      "/layers/sbom/cache/a_b/c/sbom.spdx.json": "from cache",
    });
    const content = await tar({ "/layers/a_b": "", "/layers/a_b/c": "" });
    await fill({ c: layer(content.diffId, "c") }, [content, sbom], sbom.diffId);
    mkdirSync(join(builder.layers.path, "sbom/launch/a_b/x"), { recursive: true });
    writeFileSync(launch.replace("/layers", builder.layers.path), "from image");
    mkdirSync(path("sbom/launch/gone/x"), { recursive: true });
    writeFileSync(path("sbom/launch/gone/x/sbom.cdx.json"), "of nobody");
    await run();
    expect(tree()).toEqual(["a_b", "a_b/c", "a_b/c.sbom.spdx.json", "a_b/c.toml", "a_b/x.sbom.cdx.json"]);
    expect(readFileSync(path("a_b/x.sbom.cdx.json"), "utf8")).toBe("from image");
    expect(statSync(path("a_b/c.sbom.spdx.json")).mode & 0o777).toBe(0o644);
  });

  test("are not handed to a buildpack that got nothing else", async () => {
    mkdirSync(path("sbom/launch/a_b/x"), { recursive: true });
    writeFileSync(launch.replace("/layers", builder.layers.path), "from image");
    await run({}, undefined);
    expect(tree()).toEqual([]);
  });

  test("whose tar the cache has lost are warned about and do not stop the build", async () => {
    await fill({}, [], `sha256:${"1".repeat(64)}`);
    await run();
    expect(builder.log.some((line) => line.startsWith("warn Skipping restore for SBOM: failed to find"))).toBe(true);
  });
});

describe("what somebody else may have written", () => {
  test("an SBOM layer cannot put a link where a buildpack's directory will be", async () => {
    mkdirSync(join(builder.dir, "home"));
    const sbom = await packEntries(
      [
        { ...owner, name: "/layers/a_b", linkname: join(builder.dir, "home"), type: "symlink", mode: 0o777 },
        { ...owner, name: "/layers/sbom/cache/a_b/x/sbom.cdx.json", type: "file", mode: 0o644, content: "{}" },
      ],
      memoryBlobCache(),
    );
    await fill({}, [sbom], sbom.diffId);
    await run();
    expect(readdirSync(join(builder.dir, "home"))).toEqual([]);
    expect(builder.log.some((line) => line.startsWith("warn Skipping restore for SBOM"))).toBe(true);
  });

  test("a link in the SBOM layer is not followed", async () => {
    mkdirSync(join(builder.dir, "home/x"), { recursive: true });
    writeFileSync(join(builder.dir, "home/x/sbom.secret.json"), "secret");
    mkdirSync(path("sbom/launch"), { recursive: true });
    symlinkSync(join(builder.dir, "home"), path("sbom/launch/a_b"));
    mkdirSync(path("a_b"));
    await run({}, undefined);
    expect(tree()).toEqual(["a_b"]);
  });

  test("a cached layer cannot write into another buildpack's directory", async () => {
    const content = await tar({ "/layers/other": "", "/layers/other/launch.toml": "evil" });
    await fill({ x: layer(content.diffId, "c") }, [content]);
    await run();
    expect(tree()).toEqual(["a_b", "a_b/x.toml"]);
  });

  test.each(["..", "a/../..", "sbom", "config", ""])("a group with the id %j is RESTORE_FAILED", async (id) => {
    await expect(run({ buildpacks: [{ id, version: "1", api: "0.10" }] })).rejects.toMatchObject({
      code: "RESTORE_FAILED",
      cause: { code: "INVALID_GROUP" },
    });
  });
});

test("many layers come back side by side", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `l${index}`);
  const content = await Promise.all(
    names.map((name) => tar({ [`/layers/a_b/${name}`]: "", [`/layers/a_b/${name}/f`]: name })),
  );
  await fill(Object.fromEntries(names.map((name, index) => [name, layer(content[index]!.diffId, "c")])), content);
  expect((await run()).layers).toHaveLength(20);
  for (const name of names) expect(readFileSync(path(`a_b/${name}/f`), "utf8")).toBe(name);
});

test("an abort is CANCELED", async () => {
  const content = await tar({ "/layers/a_b/x": "" });
  await fill({ x: layer(content.diffId, "c") }, [content]);
  const ctx = { ...builder.ctx, signal: AbortSignal.abort() };
  const inputs = {
    features: platformFeatures("0.13"),
    buildpacks: [{ id: "a/b", version: "1.0.0", api: "0.10" }],
    metadata: noLayersMetadata,
    layers: layers(),
    skipLayers: false,
  };
  await expect(restore(inputs, { cache, ctx })).rejects.toMatchObject({ code: "CANCELED" });
});
