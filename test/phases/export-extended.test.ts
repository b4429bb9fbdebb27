import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { digestOf } from "../../lifecycle/oci/digest.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { encodeHeader } from "../../lifecycle/oci/tar/header.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import {
  type ExportInputs,
  type ExportResult,
  exportImage,
  type ExtendedRunImage,
} from "../../lifecycle/phases/export.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { memoryStore, type MemoryStore } from "../../lifecycle/stores/memory.ts";
import { app, exportInputs, previousOf, run } from "./export-fixture.ts";

const base = memoryLayer(Buffer.from("base"));
const made = (id: string): string => `Layer: 'RUN ${id}', Created by extension: ${id}`;
let root = "";
let store: MemoryStore;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-extended-"));
  store = memoryStore();
  const config = {
    architecture: "amd64",
    os: "linux",
    history: [{ created_by: "base" }],
    config: { Env: ["PATH=/bin"], User: "1000:1000", Labels: { of: "base" } },
  };
  await store.write(imageFromParts({ config, layers: [base], format: "oci" }), [run]);
  write("launcher", "launcher");
  write("workspace/main", "app");
  write("layers/config/metadata.toml", "");
  write("layers/a_b/lib/file", "x");
  write("layers/a_b/lib.toml", "[types]\nlaunch = true\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A tar of one empty file, as an executor of Dockerfiles packs it. */
function tar(name: string, mtime?: number): Uint8Array {
  const header = encodeHeader({
    name,
    type: "file",
    mode: 0o4755,
    uid: 7,
    gid: 8,
    ...(mtime === undefined ? {} : { mtime }),
  });
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

function extended(present: readonly boolean[] = [false, true, true]): ExtendedRunImage {
  const image = imageFromParts({
    format: "docker",
    config: {
      architecture: "amd64",
      os: "linux",
      history: [
        { created_by: "base" },
        { created_by: made("first") },
        { created_by: "ENV A=b", empty_layer: true },
        { created_by: made("second") },
      ],
      config: {
        Env: ["PATH=/extended", "A=b"],
        User: "1001:1001",
        Labels: { of: "extended", "io.buildpacks.rebasable": "false" },
      },
    },
    layers: [base, memoryLayer(tar("etc/one", 1_700_000_000)), memoryLayer(tar("etc/two", 5), { compress: false })],
  });
  return { image, present };
}

describe("an extended run image", () => {
  test("has its layers between those of the run image and the buildpacks', with their history", async () => {
    const { image } = await exporting({ extendedRunImage: extended() });
    await validate(image);
    const { history, rootfs } = (await image.config()).value;
    expect(history?.map((line) => line.created_by)).toEqual([
      "base",
      made("first"),
      made("second"),
      "Layer: 'lib', Created by buildpack: a/b@1",
      "Software Bill-of-Materials",
      "Application Layer",
      "Buildpacks Application Launcher",
      "Buildpacks Launcher Config",
    ]);
    // Only times change: names without a leading slash, owners and modes are as the tar has them.
    expect(rootfs.diff_ids.slice(0, 3)).toEqual([base.diffId, digestOf(tar("etc/one")), digestOf(tar("etc/two"))]);
  });

  test("gives its configuration to the app image, and the label keeps the run image that can be rebased", async () => {
    const { image } = await exporting({ extendedRunImage: extended() });
    const { config } = (await image.config()).value;
    expect(config?.User).toBe("1001:1001");
    expect(config?.Env?.slice(0, 2)).toEqual(["PATH=/cnb/process:/cnb/lifecycle:/extended", "A=b"]);
    expect(config?.Labels).toMatchObject({ of: "extended", "io.buildpacks.rebasable": "false" });
    const { runImage } = decodeLayersMetadata(config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "");
    const { digest } = (await (await store.resolve(run))?.manifest()) ?? {};
    expect(runImage).toMatchObject({ topLayer: base.diffId, reference: `localhost/run@${digest}` });
  });

  test("has layers that are not sent again when the previous image has them", async () => {
    const { metadata } = previousOf(await exporting({ extendedRunImage: extended() })).analyzed ?? {};
    const { plan, image } = await exporting({
      extendedRunImage: extended(),
      previousImage: app,
      analyzed: { ...analyzed(true), metadata: metadata ?? noLayersMetadata },
    });
    await validate(image);
    expect(plan.layers.filter(({ kind }) => kind === "extension").map(({ id, action }) => [id, action])).toEqual([
      ["first:extended-layer-1", "reuse"],
      ["second:extended-layer-2", "reuse"],
    ]);
  });

  test("that was not extended leaves its configuration alone, whatever an earlier extender left", async () => {
    const { image } = await exporting({ analyzed: analyzed(false), extendedRunImage: extended() });
    expect((await image.config()).value.config?.User).toBe("1000:1000");
  });

  test("that is missing is told before anything is packed", async () => {
    await expect(exporting({})).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: "failed to get extended image config: missing extended run image",
    });
  });

  test("without the blob of an extension's layer is refused", async () => {
    await expect(exporting({ extendedRunImage: extended([false, true, false]) })).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: "failed to export: the extended run image is not complete",
    });
  });
});

function analyzed(extend: boolean): ExportInputs["analyzed"] {
  return { metadata: noLayersMetadata, runImage: { reference: "localhost/run", image: "localhost/run", extend } };
}

function exporting(changes: Partial<ExportInputs>): Promise<ExportResult & { readonly image: Image }> {
  const inputs = exportInputs(root, { analyzed: analyzed(true) });
  write("layers/sbom/launch/sbom.legacy.json", "null\n");
  const ctx = {
    logger: silentLogger,
    progress: silentProgress,
    clock: () => new Date(),
    signal: new AbortController().signal,
  };
  const ports = { images: store, sink: store, blobs: memoryBlobCache(), cache: undefined, ctx };
  return exportImage({ ...inputs, ...changes }, ports);
}

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
