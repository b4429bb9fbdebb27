import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { decodeLayersMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { exportImage, type ExportResult } from "../../lifecycle/phases/export.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { memoryStore, type MemoryStore } from "../../lifecycle/stores/memory.ts";
import { app, exportInputs, run } from "./export-fixture.ts";

// What lifecycle/README.md promises of the space that an export takes besides its results.
const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
let root = "";
let store: MemoryStore;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-space-"));
  store = memoryStore();
  const config = { architecture: "amd64", os: "linux" };
  await store.write(imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" }), [run]);
  for (const [path, text] of [
    ["launcher", "launcher"],
    ["workspace/main", "app"],
    ["layers/config/metadata.toml", ""],
    ["layers/a/launched.toml", "[types]\nlaunch = true\n"],
    ["layers/a/both.toml", "[types]\nlaunch = true\ncache = true\n"],
    ["layers/a/kept.toml", "[types]\ncache = true\n"],
  ] as const) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const name of ["launched", "both", "kept"]) noise(name);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A layer of half a megabyte that does not become smaller. */
function noise(name: string): void {
  mkdirSync(join(root, "layers/a", name), { recursive: true });
  execFileSync("dd", ["if=/dev/urandom", `of=${join(root, "layers/a", name, "file")}`, "bs=1024", "count=512"], {
    stdio: "ignore",
  });
}

function sizeOf(directory: string): number {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Exports, and says what the place for temporary data had in it when the image and the cache were written. */
async function exporting(previous?: ExportResult) {
  const directory = mkdtempSync(join(root, "temporary-"));
  const label = previous?.plan.labels.find(({ key }) => key === "io.buildpacks.lifecycle.metadata")?.value;
  const cache = await openVolumeCache(join(root, "cache"), ctx);
  const seen: number[] = [];
  const look = (): void => void seen.push(sizeOf(directory));
  const result = await exportImage(
    exportInputs(root, {
      buildpacks: [{ id: "a", version: "1" }],
      analyzed: { metadata: label === undefined ? noLayersMetadata : decodeLayersMetadata(label) },
      previousImage: previous === undefined ? undefined : app,
    }),
    {
      images: store,
      sink: {
        write: async (...args) => {
          look();
          return store.write(...args);
        },
      },
      blobs: await openBlobCache(directory, { ctx }),
      cache: {
        ...cache,
        commit: async (metadata) => {
          await cache.commit(metadata);
          look();
        },
      },
      ctx,
    },
  );
  return { result, most: Math.max(...seen) };
}

test("an export needs the compressed size of the layers that are new in the image, and nothing for the cache's own", async () => {
  const { result, most } = await exporting();
  const layers = (await (await store.resolve(app))?.manifest())?.value.layers ?? [];
  const added = layers.slice(1).reduce((sum, { size }) => sum + size, 0);
  expect(result.plan.layers.map(({ id }) => id).slice(0, 2)).toEqual(["a:both", "a:launched"]);
  expect(added).toBeGreaterThan(2 * 500 * 1024);
  // The list of the blobs is some bytes for each.
  expect(most).toBeGreaterThanOrEqual(added);
  expect(most).toBeLessThan(added + 10_000);
});

test("what did not change takes no space", async () => {
  const { result } = await exporting();
  expect((await exporting(result)).most).toBeLessThan(1000);
  noise("launched");
  const { most } = await exporting(result);
  expect(most).toBeGreaterThan(500 * 1024);
  expect(most).toBeLessThan(600 * 1024);
});
