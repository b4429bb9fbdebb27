import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { packingBy } from "../../lifecycle/layers/hash-first.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { type ExportInputs, type ExportResult, exportImage } from "../../lifecycle/phases/export.ts";
import type { BlobCache } from "../../lifecycle/stores/blob-cache.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type FakeRegistry, startFakeRegistry, type SeenRequest } from "../fakes/registry.ts";
import { exportInputs, metadataWith, previousOf } from "./export-fixture.ts";

const megabyte = 2 ** 20;
const large = 16 * megabyte;
/** Of an upload that was begun, in the application's repository. */
const upload = /^\/v2\/app\/blobs\/uploads\/./;
// What no compression makes smaller; the same for all tests.
const content = randomBytes(large);
let root = "";
let registry: FakeRegistry;
const lines: string[] = [];
const cancel = { controller: new AbortController() };

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tspack-stream-"));
  registry = await startFakeRegistry();
  cancel.controller = new AbortController();
  lines.length = 0;
  const config = { architecture: "amd64", os: "linux" };
  const run = imageFromParts({ config, layers: [memoryLayer(Buffer.from("base"))], format: "oci" });
  await store().write(run, [name("run")]);
  write("launcher", "launcher");
  write("app/main", "app");
  write("layers/config/metadata.toml", "");
  write("layers/a_b/lib.toml", "[types]\nlaunch = true\n");
  write("layers/a_b/lib/file", content);
});

afterEach(async () => {
  await registry.close();
  rmSync(root, { recursive: true, force: true });
});

const name = (repository: string) => parseReference(`${registry.host}/${repository}`);
const store = () => registryStore({ retry: { attempts: 3, delay: 1, longest: 2 }, signal: cancel.controller.signal });

function write(path: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), bytes);
}

function context() {
  return {
    logger: { ...silentLogger, debug: (line: string) => void lines.push(line) },
    progress: silentProgress,
    clock: () => new Date(),
    signal: cancel.controller.signal,
  };
}

async function exporting(
  changes: Partial<ExportInputs> = {},
  packing: (blobs: BlobCache) => BlobCache = (blobs) => blobs,
): Promise<ExportResult> {
  const inputs = exportInputs(root, {
    metadata: metadataWith([], ""),
    app: { path: join(root, "app"), name: "/workspace" },
    outputImages: [name("app")],
    runImage: name("run"),
    runImageForExport: { image: name("run").original, mirrors: [] },
    ...changes,
  });
  const ctx = context();
  const blobs = packing(await openBlobCache(join(root, "blobs"), { ctx }));
  const one = store();
  return exportImage(inputs, { images: one, sink: one, blobs, cache: undefined, ctx });
}

const chunked = (): readonly SeenRequest[] =>
  registry.seen.filter(({ headers }) => headers["transfer-encoding"] === "chunked");

async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !what(); await sleep(2)) {
    if (performance.now() > end) throw new Error("what was waited for did not come");
  }
}

/** The tar of the first layer, the large one, ends when `what` is so. */
function endsAfter(what: () => boolean | Promise<never>) {
  return (blobs: BlobCache): BlobCache => {
    let isFirst = true;
    return packingBy(blobs, (produce, watch) => {
      if (!isFirst) return blobs.pack(produce, watch);
      isFirst = false;
      return blobs.pack(async (sink) => {
        await produce(sink);
        // The last blocks of a tar are compressed when it ends: the others are in the file by now, or soon.
        await until(() => what() === true);
      }, watch);
    });
  };
}

const arrived = (): number => chunked().at(-1)?.bytes ?? 0;

async function isWhole({ image }: ExportResult): Promise<void> {
  await validate(image);
  const back = await store().resolve(name("app"));
  if (back === undefined) throw new Error("there is no image");
  await validate(back);
  expect((await back.manifest()).digest).toBe((await image.manifest()).digest);
}

test("a large layer is at the registry before it is packed, in one request, once", async () => {
  const result = await exporting(
    {},
    endsAfter(() => arrived() > 10 * megabyte),
  );
  await isWhole(result);
  expect(chunked().map(({ method, headers }) => [method, headers["content-range"]])).toEqual([["PATCH", undefined]]);
  expect(arrived()).toBeGreaterThan(large);
  expect(result.written.layers.map(({ outcome }) => outcome)).toEqual(["mounted", "sent", "sent", "sent", "sent"]);
  expect(registry.count("PATCH", upload)).toBe(1);
  const digest = (await result.image.manifest()).value.layers[1]?.digest ?? "";
  expect(registry.count("HEAD", new RegExp(digest))).toBe(0);
});

test("small layers are sent when they are whole", async () => {
  write("layers/a_b/lib/file", content.subarray(0, megabyte));
  await isWhole(await exporting());
  expect(chunked()).toEqual([]);
});

describe("a layer that might be there already", () => {
  test("because the repository has images is not sent before that is known", async () => {
    const before = await exporting();
    expect(chunked()).toHaveLength(1);
    const again = await exporting({ outputImages: [parseReference(`${registry.host}/app:other`)] });
    expect(chunked()).toHaveLength(1);
    expect(again.written.layers.map(({ outcome }) => outcome)).toEqual([
      "mounted",
      ...Array<string>(4).fill("present"),
    ]);
    expect((await again.image.manifest()).digest).toBe((await before.image.manifest()).digest);
  });

  test("is sent while it is packed when the previous image has another in its place", async () => {
    const previous = { ...previousOf(await exporting()), previousImage: name("app") };
    write("layers/a_b/lib/file", randomBytes(large));
    await isWhole(await exporting(previous));
    expect(chunked()).toHaveLength(2);
    expect(registry.count("GET", /app\/tags\/list/)).toBe(1);
    // The same content once more is expected, and neither packed nor sent.
    write("layers/a_b/lib/file", content);
    await exporting(previous);
    expect(chunked()).toHaveLength(2);
  });

  test("and is, is not sent to its end", async () => {
    const { image } = await exporting({ outputImages: [name("elsewhere")] });
    const digest = (await image.manifest()).value.layers[1]?.digest ?? "";
    registry.blobs.set(`app ${digest}`, registry.blobs.get(`elsewhere ${digest}`) ?? new Uint8Array());
    registry.fail({ method: "PATCH", path: upload, action: { kind: "stall-request", after: megabyte } });
    await isWhole(await exporting());
    expect(chunked()).toHaveLength(2);
    expect(arrived()).toBeLessThan(large);
    expect(registry.count("DELETE", upload)).toBe(1);
  });
});

describe("a stream that fails", () => {
  test.each([404, 411])("because it is refused with %i is an upload of the whole blob", async (status) => {
    registry.fail({ method: "PATCH", path: upload, action: { kind: "status", status } });
    await isWhole(await exporting());
    const [first, second, ...others] = registry.seen.filter(({ method }) => method === "PATCH");
    expect(first?.headers["transfer-encoding"]).toBe("chunked");
    expect(Number(second?.headers["content-length"])).toBeGreaterThan(large);
    expect(others).toEqual([]);
    expect(registry.count("DELETE", upload)).toBe(1);
    expect(lines).toContainEqual(expect.stringContaining(`while it is packed: PATCH was answered with ${status}`));
  });

  test("because it was not even begun is one, too", async () => {
    const path = /\/app\/blobs\/uploads\/$/;
    registry.fail({ method: "POST", path, action: { kind: "status", status: 400 } });
    await isWhole(await exporting());
    expect(chunked()).toEqual([]);
  });

  test("because it was cut goes on there when the blob is whole", async () => {
    registry.fail({ method: "PATCH", path: upload, action: { kind: "cut-request", after: 5 * megabyte } });
    await isWhole(await exporting());
    const patches = registry.seen.filter(({ method }) => method === "PATCH");
    expect(patches.map(({ headers }) => headers["content-range"]?.split("-")[0])).toEqual([
      undefined,
      `${5 * megabyte}`,
    ]);
    expect(patches.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(large + megabyte);
  });

  test("because the registry lost it begins anew", async () => {
    registry.fail({ method: "PUT", path: upload, action: { kind: "forget-upload" } });
    await isWhole(await exporting());
    expect(registry.count("PATCH", upload)).toBe(2);
  });

  test("because a registry takes no ranges begins anew", async () => {
    registry.fail({ method: "PATCH", path: upload, action: { kind: "cut-request", after: 5 * megabyte } });
    registry.fail({ method: "PATCH", path: upload, action: { kind: "status", status: 400 } });
    await isWhole(await exporting());
    expect(registry.count("PATCH", upload)).toBe(3);
    expect(registry.count("DELETE", upload)).toBe(1);
  });
});

describe("packing that ends early", () => {
  test("takes back what was sent, and leaves nothing", async () => {
    const failing = endsAfter(() => {
      if (arrived() > megabyte) throw new Error("the disk is broken");
      return false;
    });
    await expect(exporting({}, failing)).rejects.toThrow("the disk is broken");
    expect(registry.count("DELETE", upload)).toBe(1);
    expect([...registry.blobs.keys()].filter((key) => key.startsWith("app "))).toEqual([]);
    expect(readdirSync(join(root, "blobs/v1/tmp"))).toEqual([]);
    expect(readdirSync(join(root, "blobs/v1/blobs/sha256"))).toEqual([]);
  });

  test("takes back what was sent before the connection was cut, too", async () => {
    registry.fail({ method: "PATCH", path: upload, action: { kind: "cut-request", after: megabyte } });
    const failing = endsAfter(() => {
      if (registry.count("GET", upload) > 0) throw new Error("the disk is broken");
      return false;
    });
    await expect(exporting({}, failing)).rejects.toThrow("the disk is broken");
    expect(registry.count("DELETE", upload)).toBe(1);
  });

  test("because it was cancelled ends the stream at once", async () => {
    const ended = { at: 0 };
    const waiting = exporting(
      {},
      endsAfter(() => {
        if (arrived() > megabyte && !cancel.controller.signal.aborted) {
          cancel.controller.abort();
          ended.at = performance.now();
        }
        cancel.controller.signal.throwIfAborted();
        return false;
      }),
    );
    await expect(waiting).rejects.toThrow();
    expect(performance.now() - ended.at).toBeLessThan(200);
    const requests = registry.seen.length;
    await sleep(100);
    expect(registry.seen).toHaveLength(requests);
    expect([...registry.blobs.keys()].filter((key) => key.startsWith("app "))).toEqual([]);
  });
});

test("a dry run streams nothing", async () => {
  await exporting({ dryRun: true });
  expect(chunked()).toEqual([]);
});
