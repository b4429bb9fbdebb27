import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TspackError } from "../../lifecycle/errors.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { type ImageRef, parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type ExportResult, exportImage } from "../../lifecycle/phases/export.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { app, exportBuild, launchLayer, metadataWith, previousOf } from "./export-fixture.ts";

const at = exportBuild();
const { exporting, inputs, write } = at;

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
    expect(at.lines).toContain("Saving localhost/app...");
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

  /** Exports with images that wait for others, or fail. */
  const reading = async (resolve: (ref: ImageRef) => Promise<Image | undefined>): Promise<ExportResult> => {
    const { store } = at;
    const ports = { images: { ...store, resolve }, sink: store, blobs: memoryBlobCache(), cache: undefined };
    return exportImage({ ...at.inputs(), previousImage: app }, { ...ports, ctx: at.context() });
  };

  test("reads the previous image beside the run image", async () => {
    await exporting({});
    let begun = (): void => {};
    const asked = new Promise<void>((resolve) => (begun = resolve));
    const { image } = await reading(async (ref) => {
      if (ref.repository === app.repository) begun();
      else await asked;
      return at.store.resolve(ref);
    });
    await validate(image);
    expect(at.lines).toContain("Reusing layers from image 'localhost/app'");
  });

  test("says why the previous image cannot be read, unless something before it failed", async () => {
    const failing = (which: string) => (ref: ImageRef) =>
      which.includes(ref.repository)
        ? Promise.reject(new TspackError("REGISTRY_UNREACHABLE", `no ${ref.repository}`))
        : at.store.resolve(ref);
    await expect(reading(failing("app"))).rejects.toMatchObject({ message: "failed to export: no app" });
    await expect(reading(failing("run app"))).rejects.toMatchObject({ message: "no run" });
    expect(at.lines).not.toContain("Reusing layers from image 'localhost/app'");
  });

  test("takes a layer without a directory from the previous image", async () => {
    write("layers/a_b/lib/file", "x");
    write("layers/a_b/lib.toml", launchLayer);
    const first = await exporting();
    rmSync(join(at.root, "layers/a_b/lib"), { recursive: true });
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
    expect(at.lines.includes("Ignoring invalid SOURCE_DATE_EPOCH")).toBe(created.startsWith("1980"));
  });

  test("does not follow a link that a buildpack made in place of its directory", async () => {
    write("elsewhere/lib/secret", "x");
    write("elsewhere/lib.toml", launchLayer);
    symlinkSync(join(at.root, "elsewhere"), join(at.root, "layers/a_b"));
    await expect(exporting()).rejects.toMatchObject({ message: expect.stringContaining("is a symbolic link") });
  });

  test("a buildpack's label wins over the lifecycle's", async () => {
    const labels = [{ key: "io.buildpacks.project.metadata", value: "mine" }];
    const { image } = await exporting({ metadata: { ...metadataWith([]), labels } });
    expect((await image.config()).value.config?.Labels?.["io.buildpacks.project.metadata"]).toBe("mine");
  });
});
