import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import type { Process } from "../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { TspackError } from "../../lifecycle/errors.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type ExportInputs, type ExportResult, exportImage } from "../../lifecycle/phases/export.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { memoryStore, type MemoryStore } from "../../lifecycle/stores/memory.ts";

const app = parseReference("localhost/app");
const run = parseReference("localhost/run");
const launchLayer = "[types]\nlaunch = true\n";
let root = "";
let store: MemoryStore;
let lines: string[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-export-"));
  lines = [];
  store = memoryStore();
  const config = { architecture: "amd64", os: "linux", config: { Env: ["PATH=/bin", "A=b=c"], Cmd: ["sh"] } };
  await store.write(imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" }), [run]);
  write("launcher", "launcher");
  write("workspace/main", "app");
  write("layers/config/metadata.toml", "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("export", () => {
  test("puts everything on the run image, and the image is valid", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", launchLayer);
    const { image, report, plan } = await exporting({ metadata: metadataWith(["web"], "web") });
    await validate(image);
    const config = (await image.config()).value;
    expect(plan.layers.map(({ id, action }) => `${action} ${id}`)).toEqual([
      "add a/b:lib",
      "add slice-1",
      "add buildpacksio/lifecycle:launcher",
      "add buildpacksio/lifecycle:config",
      "add buildpacksio/lifecycle:process-types",
    ]);
    expect(config.config).toMatchObject({
      Entrypoint: ["/cnb/process/web"],
      WorkingDir: "/workspace",
      Env: [
        "PATH=/cnb/process:/cnb/lifecycle:/bin",
        "A=b=c",
        "CNB_LAYERS_DIR=/layers",
        "CNB_APP_DIR=/workspace",
        "CNB_PLATFORM_API=0.13",
        "CNB_DEPRECATION_MODE=quiet",
      ],
    });
    expect(config.config).not.toHaveProperty("Cmd");
    const { digest, bytes } = await image.manifest();
    expect(report.image).toEqual({ tags: ["localhost/app"], digest, manifestSize: bytes.length });
    expect(lines).toContain("Saving localhost/app...");
  });

  test("prints as JSON, and says why each layer is added or reused", async () => {
    const first = await exporting();
    expect(JSON.parse(JSON.stringify(first.plan))).toEqual(first.plan);
    write("workspace/main", "changed");
    const { plan } = await exporting(previousOf(first));
    expect(plan.layers.map(({ id, action, reason }) => [id, action, reason])).toEqual([
      ["slice-1", "add", "its content is not the previous image's"],
      ["buildpacksio/lifecycle:launcher", "reuse", "its content is the previous image's"],
      ["buildpacksio/lifecycle:config", "reuse", "its content is the previous image's"],
    ]);
  });

  test("adds a layer that the previous image names and does not have", async () => {
    const first = await exporting();
    const { plan, image } = await exporting({ ...previousOf(first), previousImage: parseReference("localhost/gone") });
    expect(plan.layers.every(({ action }) => action === "add")).toBe(true);
    await validate(image);
  });

  test("takes a layer without a directory from the previous image", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", launchLayer);
    const first = await exporting();
    rmSync(join(root, "layers/a_b/lib"), { recursive: true });
    const { image, plan } = await exporting(previousOf(first));
    expect(plan.layers[0]).toMatchObject({ id: "a/b:lib", action: "reuse", diffId: first.plan.layers[0]?.diffId });
    await validate(image);
  });

  test.each([
    ["[types]\nlaunch = true\ncache = true\n", "failed to export: layer 'a/b:lib' is cache=true but has no contents"],
    [launchLayer, "failed to export: cannot reuse 'a/b:lib', previous image has no metadata for layer 'a/b:lib'"],
    ["[types", "failed to export: failed to parse metadata for layers '[a/b:lib]'"],
  ])("refuses a layer without a directory: %j", async (toml, message) => {
    write("layers/a_b/lib.toml", toml);
    await expect(exporting()).rejects.toMatchObject({ code: "EXPORT_FAILED", message });
  });

  test.each([
    ["ghost", [], "failed to export: determining entrypoint: tried to set ghost to default but it doesn't exist"],
    [
      undefined,
      ["a/b"],
      "failed to export: creating layer '': invalid process type 'a/b': type may not contain characters '/><:|&\\'",
    ],
    [undefined, ["."], expect.stringContaining("invalid process type '.'")],
  ])("refuses default process %j among %j", async (defaultProcessType, types, message) => {
    const wanted = { defaultProcessType, metadata: metadataWith(types) };
    await expect(exporting(wanted)).rejects.toMatchObject({ code: "EXPORT_FAILED", message });
  });

  test("says that the launcher or the run image is missing", async () => {
    const launcher = { ...inputs().launcher, path: "/none/launcher" };
    await expect(exporting({ launcher })).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message:
        "failed to export: creating launcher layers: failed to stat launcher at path '/none/launcher': " +
        "stat /none/launcher: no such file or directory",
    });
    await expect(exporting({ runImage: parseReference("localhost/none") })).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
    });
  });

  test.each([
    ["0", "1970-01-01T00:00:00Z"],
    ["-1", "1969-12-31T23:59:59Z"],
    ["1700000000", "2023-11-14T22:13:20Z"],
    ["soon", "1980-01-01T00:00:01Z"],
    ["253402300800", "1980-01-01T00:00:01Z"],
    ["99999999999999999999", "1980-01-01T00:00:01Z"],
    ["1e3", "1980-01-01T00:00:01Z"],
  ])("with SOURCE_DATE_EPOCH %s is made at %s", async (sourceDateEpoch, created) => {
    const { image } = await exporting({ sourceDateEpoch });
    const config = (await image.config()).value;
    expect([config.created, ...(config.history ?? []).map((line) => line.created)]).toEqual(Array(5).fill(created));
    expect(lines.includes("Ignoring invalid SOURCE_DATE_EPOCH")).toBe(created.startsWith("1980"));
  });

  test("does not follow a link that a buildpack made in place of its directory", async () => {
    write("elsewhere/lib/secret", "x");
    write("elsewhere/lib.toml", launchLayer);
    symlinkSync(join(root, "elsewhere"), join(root, "layers/a_b"));
    await expect(exporting()).rejects.toMatchObject({ message: expect.stringContaining("is a symbolic link") });
  });

  test("a buildpack's label wins over the lifecycle's", async () => {
    const labels = [{ key: "io.buildpacks.project.metadata", value: "mine" }];
    const { image } = await exporting({ metadata: { ...metadataWith([]), labels } });
    expect((await image.config()).value.config?.Labels?.["io.buildpacks.project.metadata"]).toBe("mine");
  });
});

describe("the cache", () => {
  test("keeps cached layers, and reuses what did not change", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\n[metadata]\nn = 3\n");
    await exporting({}, await cache());
    expect(lines).toContain("Adding cache layer 'a/b:lib'");
    expect(readdirSync(join(root, "cache/committed")).filter((name) => name.endsWith(".tar"))).toHaveLength(1);
    await exporting({}, await cache());
    expect(lines).toContain("Reusing cache layer 'a/b:lib'");
  });

  test("says that a damaged layer is not reused, and mends it", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\n");
    await exporting({}, await cache());
    const [tar = ""] = readdirSync(join(root, "cache/committed")).filter((name) => name.endsWith(".tar"));
    write(`cache/committed/${tar}`, "damaged");
    await exporting({}, await cache());
    expect(lines).toContainEqual(
      expect.stringMatching(/^Skipping reuse for layer a\/b:lib: expected layer contents to have SHA 'sha256:/),
    );
    const sha = (await (await cache()).metadata()).buildpacks[0]?.layers["lib"]?.sha;
    expect((await (await cache()).lookup(sha as never)).kind).toBe("hit");
  });

  test("that cannot be written is a warning: the image is there", async () => {
    const broken = { ...(await cache()), commit: () => Promise.reject(new Error("no space")) };
    await exporting({}, broken);
    expect(lines).toContain("Failed to export cache: no space");
    expect(await store.resolve(app)).toBeDefined();
  });

  test("is written while the image is, when that is wanted: each waits for the other here", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", "[types]\ncache = true\nlaunch = true\n");
    const [imageBegun, cacheBegun] = [gate(), gate()];
    const real = await cache();
    const kept: typeof real = {
      ...real,
      metadata: () => (cacheBegun.open(), real.metadata()),
      commit: (metadata) => imageBegun.opened.then(() => real.commit(metadata)),
    };
    const sink: MemoryStore = {
      ...store,
      write: (...args) => (imageBegun.open(), cacheBegun.opened.then(() => store.write(...args))),
    };
    const { image } = await exporting({ parallel: true }, kept, sink);
    const alone = await exporting({});
    expect((await image.manifest()).digest).toBe((await alone.image.manifest()).digest);
    expect((await (await cache()).metadata()).buildpacks[0]?.layers["lib"]?.sha).toBe(alone.plan.layers[0]?.diffId);
  });

  test("is stopped, and waited for, when the image beside it fails", async () => {
    let ended = false;
    const slow = {
      ...(await cache()),
      commit: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        ended = true;
      },
    };
    const sink = { ...store, write: () => Promise.reject(new TspackError("DISK_FULL", "full")) };
    await expect(exporting({ parallel: true }, slow, sink)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(ended).toBe(true);
  });
});

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

function cache() {
  return openVolumeCache(join(root, "cache"), context());
}

function context(): Context {
  const logger = { ...silentLogger, info: addLine, warn: addLine };
  return { logger, progress: silentProgress, clock: () => new Date(), signal: new AbortController().signal };
}

function addLine(line: string): void {
  lines.push(line);
}

function exporting(
  changes: Partial<ExportInputs> = {},
  kept?: Awaited<ReturnType<typeof cache>>,
  sink: MemoryStore = store,
): Promise<ExportResult> {
  const ports = { images: store, sink, blobs: memoryBlobCache(), cache: kept, ctx: context() };
  return exportImage({ ...inputs(), ...changes }, ports);
}

function previousOf({ plan }: ExportResult): Partial<ExportInputs> {
  const label = plan.labels.find(({ key }) => key === "io.buildpacks.lifecycle.metadata")?.value ?? "";
  return {
    previousImage: app,
    analyzed: { previousImage: { reference: "localhost/app" }, metadata: decodeLayersMetadata(label) },
  };
}

function inputs(): ExportInputs {
  return {
    features: platformFeatures("0.13"),
    buildpacks: [{ id: "a/b", version: "1" }],
    metadata: metadataWith([]),
    analyzed: { metadata: noLayersMetadata },
    app: { path: join(root, "workspace"), name: "/workspace" },
    layers: { path: join(root, "layers"), name: "/layers" },
    owner: { uid: 1000, gid: 1000 },
    launcher: {
      path: join(root, "launcher"),
      lifecycleDir: join(root, "none"),
      version: { version: "1", repository: "r", commit: "c" },
    },
    outputImages: [app],
    runImage: run,
    runImageForExport: { image: "localhost/run", mirrors: [] },
    previousImage: undefined,
    project: undefined,
  };
}

function metadataWith(types: readonly string[], standard?: string): ExportInputs["metadata"] {
  const processes = types.map((type): Process => ({
    type,
    command: ["run"],
    args: undefined,
    direct: true,
    default: false,
    workingDirectory: "",
    execEnv: [],
    buildpackId: "a/b",
  }));
  return {
    buildpacks: [],
    extensions: [],
    processes,
    slices: [],
    labels: [],
    buildpackDefaultProcessType: standard,
    bom: [],
  };
}

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
