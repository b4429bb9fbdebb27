import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { packingBy } from "../../lifecycle/layers/hash-first.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type ExportInputs, type ExportResult, exportImage } from "../../lifecycle/phases/export.ts";
import type { BlobCache } from "../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { type RegistryStore, registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { exportInputs, metadataWith } from "./export-fixture.ts";

let root = "";
let registry: FakeRegistry;
let store: RegistryStore;
const lines: string[] = [];
const cancel = { controller: new AbortController() };

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-ahead-"));
  registry = await startFakeRegistry();
  store = registryStore({ retry: { attempts: 2, delay: 1, longest: 2 } });
  cancel.controller = new AbortController();
  lines.length = 0;
  const config = { architecture: "amd64", os: "linux" };
  await store.write(imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" }), [
    name("run"),
  ]);
  write("launcher", "launcher");
  write("app/main", "app");
  write("layers/config/metadata.toml", "");
  write("layers/a_b/lib.toml", "[types]\nlaunch = true\n");
  write("layers/a_b/lib/file", "a layer");
});

afterEach(async () => {
  await registry.close();
  rmSync(root, { recursive: true, force: true });
});

const name = (repository: string) => parseReference(`${registry.host}/${repository}`);

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function inputs(): ExportInputs {
  return exportInputs(root, {
    metadata: metadataWith([], ""),
    app: { path: join(root, "app"), name: "/workspace" },
    outputImages: [name("app")],
    runImage: name("run"),
    runImageForExport: { image: name("run").original, mirrors: [] },
  });
}

function exporting(changes: Partial<ExportInputs> = {}, blobs: BlobCache = memoryBlobCache()): Promise<ExportResult> {
  const ctx = {
    logger: { ...silentLogger, info: (line: string) => void lines.push(line) },
    progress: silentProgress,
    clock: () => new Date(),
    signal: cancel.controller.signal,
  };
  return exportImage({ ...inputs(), ...changes }, { images: store, sink: store, blobs, cache: undefined, ctx });
}

/** Waits until the registry has a blob of the application's repository. */
async function untilSent(): Promise<void> {
  while (![...registry.blobs.keys()].some((key) => key.startsWith("app "))) await sleep(5);
}

/** A blob cache whose second layer, the application, is packed when the first is at the registry. */
function afterFirst(): BlobCache {
  const blobs = memoryBlobCache();
  let packed = 0;
  return packingBy(blobs, async (produce) => {
    packed += 1;
    if (packed === 2) await untilSent();
    return blobs.pack(produce);
  });
}

test("a layer is sent while others are not packed yet, and once", async () => {
  const { image, written } = await exporting({}, afterFirst());
  await validate(image);
  const { value } = await image.manifest();
  expect(written.layers.map(({ outcome }) => outcome)).toEqual(["mounted", "sent", "sent", "sent", "sent"]);
  for (const { digest } of value.layers) expect(registry.blobs.has(`app ${digest}`)).toBe(true);
  const committed = registry.seen.filter(({ method, url }) => method === "PUT" && url.includes("/app/blobs/uploads/"));
  const digests = committed.map(({ url }) => new URL(url, "http://localhost").searchParams.get("digest"));
  expect(new Set(digests).size).toBe(digests.length);
});

test("further repositories of the image mount what was sent ahead", async () => {
  await exporting({ outputImages: [name("app"), name("app-copy")] }, afterFirst());
  const sent = registry.seen.filter(({ method, url }) => method === "PUT" && url.includes("/app-copy/blobs/"));
  // The config is new everywhere, and tiny.
  expect(sent.length).toBeLessThanOrEqual(1);
  expect(registry.manifests.has("app-copy latest")).toBe(true);
});

test("a layer that the previous image has is not sent ahead, and not compressed", async () => {
  const { plan } = await exporting();
  const label = plan.labels.find(({ key }) => key === "io.buildpacks.lifecycle.metadata")?.value ?? "";
  const { decodeLayersMetadata } = await import("../../lifecycle/cnb/files/lifecycle-metadata.ts");
  const before = registry.count("PUT", /blobs/);
  const blobs = memoryBlobCache();
  const nothing = packingBy(blobs, () => Promise.reject(new Error("nothing has to be compressed")));
  const metadata = decodeLayersMetadata(label);
  const again = { previousImage: name("app"), analyzed: { ...inputs().analyzed, metadata } };
  await exporting(again, nothing);
  expect(registry.count("PUT", /blobs/)).toBe(before);
});

test("an upload that fails ends the packing of the rest, and is the reason", async () => {
  // Minutes of packing, without taking space.
  write("app/huge", "");
  truncateSync(join(root, "app/huge"), 64 * 2 ** 30);
  registry.fail({
    method: "POST",
    path: /\/app\/blobs/,
    times: 9,
    action: { kind: "status", status: 403, code: "DENIED" },
  });
  const began = performance.now();
  await expect(exporting()).rejects.toMatchObject({
    code: "EXPORT_FAILED",
    message: expect.stringContaining(
      `failed to export: failed to write image to the following tags: [${name("app").original}`,
    ),
  });
  expect(performance.now() - began).toBeLessThan(3000);
  // Platforms read this line before the error.
  expect(lines).toContain(`Saving ${name("app").original}...`);
  expect(registry.manifests.has("app latest")).toBe(false);
});

test("a build that is cancelled while it packs stops its uploads", async () => {
  write("app/huge", "");
  truncateSync(join(root, "app/huge"), 64 * 2 ** 30);
  // The uploads wait for their next try when the build is cancelled.
  store = registryStore({ retry: { attempts: 99, delay: 50, longest: 100 } });
  registry.fail({ method: "POST", path: /\/app\/blobs/, times: 999, action: { kind: "status", status: 503 } });
  setTimeout(() => cancel.controller.abort(), 100);
  await expect(exporting()).rejects.toMatchObject({ code: "CANCELED" });
  const requests = registry.seen.length;
  await sleep(300);
  expect(registry.seen).toHaveLength(requests);
});

test("a dry run sends nothing", async () => {
  const before = registry.seen.length;
  await exporting({ dryRun: true });
  expect(registry.seen.slice(before).filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
});
