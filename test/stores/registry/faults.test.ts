import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import type { Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { imageFromParts } from "../../../lifecycle/oci/memory-image.ts";
import type { ImageRef } from "../../../lifecycle/oci/reference.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import type { RegistryStoreOptions } from "../../../lifecycle/stores/registry/registry-store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { startFakeRegistry } from "../../fakes/registry.ts";
import type { FakeRegistry } from "../../fakes/registry.ts";

const retry = { attempts: 3, delay: 2, longest: 40 };
const image = testImage({ layers: [noise(1_500_000, 21)] });
const uploads = /\/blobs\/uploads\//;

let registry: FakeRegistry;
let ref: ImageRef;
beforeEach(async () => {
  registry = await startFakeRegistry();
  ref = parseReference(`${registry.host}/app:v1`);
});
afterEach(() => registry.close());

const open = (options: RegistryStoreOptions = {}): ReturnType<typeof registryStore> =>
  registryStore({ retry, timeout: 5000, ...options });

const ctx = (signal: AbortSignal): Context => ({
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal,
});

/** Writes the image with a fresh store and reads everything back with another. */
async function roundTrip(options: RegistryStoreOptions = {}): Promise<void> {
  await open(options).write(image, [ref]);
  const back = await open().resolve(ref);
  if (back === undefined) throw new Error("the image is missing");
  await validate(back);
}

describe("an upload", () => {
  test("that is cut goes on where the registry stopped, without sending the rest again", async () => {
    registry.fail({ method: "PATCH", path: uploads, action: { kind: "cut-request", after: 700_000 } });
    await roundTrip();
    const patches = registry.seen.filter(({ method }) => method === "PATCH");
    expect(patches.map(({ headers }) => headers["content-range"])).toEqual([
      undefined,
      expect.stringMatching(/^700000-/),
    ]);
    expect(registry.count("POST", uploads)).toBe(2);
  });

  test("may be cut more often than there are tries while it goes forward", async () => {
    registry.fail({ method: "PATCH", path: uploads, times: 6, action: { kind: "cut-request", after: 200_000 } });
    await roundTrip();
    expect(registry.count("PATCH", uploads)).toBe(7);
  });

  test("that never gets a byte across ends with REGISTRY_UNREACHABLE on the destination's side", async () => {
    registry.fail({ method: "PATCH", path: uploads, times: 99, action: { kind: "cut-request", after: 0 } });
    await expect(open().write(image, [ref])).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      remote: { side: "destination", method: "PATCH" },
    });
    expect(registry.count("PATCH", uploads)).toBe(3);
    expect(registry.manifests.size).toBe(0);
  });

  test("that the registry forgets begins anew", async () => {
    registry.fail({ method: "PATCH", path: uploads, action: { kind: "forget-upload" } });
    registry.fail({ method: "PUT", path: uploads, action: { kind: "forget-upload" } });
    await roundTrip();
  });

  test("whose last answer is lost is found to be complete", async () => {
    registry.fail({ method: "PUT", path: /digest=/, times: 2, action: { kind: "status-after", status: 502 } });
    await roundTrip();
  });

  test("in chunks says the range of each", async () => {
    await roundTrip({ chunkSize: 600_000 });
    const ranges = registry.seen.filter(({ method }) => method === "PATCH").map((one) => one.headers["content-range"]);
    expect(ranges.slice(0, 2)).toEqual(["0-599999", "600000-1199999"]);
    expect(ranges).toHaveLength(3);
  });

  test("of a blob that another repository has is a mount", async () => {
    await open().write(image, [parseReference(`${registry.host}/base:v1`)]);
    const sent = registry.count("PATCH", uploads);
    const report = await open().write(image, [ref], { mountFrom: [parseReference(`${registry.host}/base`)] });
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["mounted"]);
    expect(registry.count("PATCH", uploads)).toBe(sent);
  });

  test("is a plain upload where the mount is not done", async () => {
    const other = await startFakeRegistry({ mounts: false });
    const store = open();
    await store.write(image, [parseReference(`${other.host}/base:v1`)]);
    const report = await store.write(image, [parseReference(`${other.host}/app:v1`)]);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["sent"]);
    // The upload that the mount began is used: one POST per blob and repository.
    expect(other.count("POST", uploads)).toBe(4);
    await other.close();
  });
});

describe("a manifest", () => {
  test("is sent again with the blobs that are missing when the registry lost one", async () => {
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    registry.fail({ method: "PUT", path: /manifests/, action: { kind: "status", status: 404, code: "BLOB_UNKNOWN" } });
    const store = open();
    await store.write(image, [ref]);
    expect(registry.count("PUT", /manifests/)).toBe(2);
    registry.blobs.delete(`app ${layer}`);
    registry.fail({ method: "HEAD", path: new RegExp(layer), action: { kind: "status", status: 200 } });
    await store.write(image, [ref]);
    expect(registry.blobs.has(`app ${layer}`)).toBe(true);
  });

  test("whose bytes are not those of its digest is DIGEST_MISMATCH", async () => {
    const { digest } = await open().write(image, [ref]);
    registry.fail({ method: "GET", path: /manifests/, action: { kind: "corrupt" } });
    const wanted = parseReference(`${registry.host}/app@${digest}`);
    await expect(open().resolve(wanted)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });
});

describe("a manifest that is read", () => {
  test("and cut in the middle is asked for again", async () => {
    await open().write(image, [ref]);
    registry.fail({ method: "GET", path: /manifests/, times: 2, action: { kind: "cut-response", after: 20 } });
    expect(await (await open().resolve(ref))?.manifest()).toMatchObject({ digest: (await image.manifest()).digest });
  });

  test("and cut each time is REGISTRY_UNREACHABLE", async () => {
    await open().write(image, [ref]);
    registry.fail({ method: "GET", path: /manifests/, times: 9, action: { kind: "cut-response", after: 20 } });
    await expect(open().resolve(ref)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      remote: { method: "GET" },
    });
    expect(registry.count("GET", /manifests/)).toBe(3);
  });
});

describe("a blob that is read", () => {
  test("and cut in the middle is read on from there", async () => {
    await open().write(image, [ref]);
    registry.fail({ method: "GET", path: /blobs/, times: 4, action: { kind: "cut-response", after: 300_000 } });
    const back = await open().resolve(ref);
    if (back !== undefined) await (await back.layers())[0]?.descriptor();
    for await (const _ of (await back?.layers())?.[0]?.compressed() ?? []) void _;
    const ranges = registry.seen.filter(({ method, url }) => method === "GET" && url.includes("/blobs/"));
    expect(ranges.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThanOrEqual(2);
  });

  test("and damaged is DIGEST_MISMATCH", async () => {
    await open().write(image, [ref]);
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    registry.fail({ method: "GET", path: new RegExp(layer), action: { kind: "corrupt" } });
    const back = await open().resolve(ref);
    if (back === undefined) throw new Error("the image is missing");
    await expect(validate(back)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("slowly is stopped at once by the signal", async () => {
    await open().write(image, [ref]);
    const stop = new AbortController();
    registry.fail({ method: "GET", path: /blobs/, times: 9, action: { kind: "slow", pause: 200 } });
    const back = await open({ signal: stop.signal }).resolve(ref);
    setTimeout(() => stop.abort(), 20);
    const started = performance.now();
    await expect(back?.config().then(() => validate(back))).rejects.toMatchObject({ code: "CANCELED" });
    expect(performance.now() - started).toBeLessThan(1500);
  });
});

describe("a length that is not the body's", () => {
  test.each([1, 1000])("%i bytes too long is a cut, which is read on", async (by) => {
    await open().write(image, [ref]);
    registry.fail({ method: "GET", path: /manifests|blobs/, times: 2, action: { kind: "wrong-length", by } });
    const back = await open().resolve(ref);
    if (back === undefined) throw new Error("the image is missing");
    await validate(back);
  });

  test("too short is DIGEST_MISMATCH", async () => {
    await open().write(image, [ref]);
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    const action = { kind: "wrong-length", by: -1000 } as const;
    registry.fail({ method: "GET", path: new RegExp(layer), times: 9, action });
    const back = await open().resolve(ref);
    if (back === undefined) throw new Error("the image is missing");
    await expect(validate(back)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });
});

describe("a connection that is reset", () => {
  test.each<[string, string, RegExp]>([
    ["when the registry is looked for", "GET", /^\/v2\/$/],
    ["when a manifest is read", "GET", /manifests/],
    ["when a blob is read", "GET", /blobs/],
    ["when a blob is looked for", "HEAD", /blobs/],
    ["when an upload begins", "POST", uploads],
    ["when an upload ends", "PUT", uploads],
    ["when a manifest is written", "PUT", /manifests/],
  ])("%s is made anew", async (_, method, path) => {
    registry.fail({ method, path, times: 2, action: { kind: "reset" } });
    await roundTrip();
    expect(registry.count(method, path)).toBeGreaterThan(2);
  });
});

describe("what is refused while writing", () => {
  test.each([
    ["HEAD", /blobs/, 401, "UNAUTHORIZED"],
    ["POST", uploads, 403, "FORBIDDEN"],
    ["PATCH", uploads, 403, "FORBIDDEN"],
    ["PUT", uploads, 413, "REGISTRY_ERROR"],
    ["POST", uploads, 404, "NOT_FOUND"],
    ["PUT", /manifests/, 401, "UNAUTHORIZED"],
    ["PUT", /manifests/, 400, "REGISTRY_ERROR"],
  ])("%s %s with %i is %s, and the tag is not there", async (method, path, status, code) => {
    registry.fail({ method, path, times: 99, action: { kind: "status", status } });
    await expect(open().write(image, [ref])).rejects.toMatchObject({ code, remote: { status, side: "destination" } });
    expect([...registry.manifests.keys()].filter((name) => name.endsWith(" v1"))).toEqual([]);
  });

  test.each([429, 503])("for a while (%i) goes on afterwards", async (status) => {
    for (const [method, path] of [
      ["HEAD", /blobs/],
      ["POST", uploads],
      ["PATCH", uploads],
      ["PUT", uploads],
      ["PUT", /manifests/],
    ] as const) {
      registry.fail({ method, path, action: { kind: "status", status, headers: { "retry-after": "0" } } });
    }
    await roundTrip();
  });
});

test("a blob that is gone is NOT_FOUND, which names it", async () => {
  await open().write(image, [ref]);
  const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
  registry.blobs.delete(`app ${layer}`);
  const back = await open().resolve(ref);
  if (back === undefined) throw new Error("the image is missing");
  await expect(validate(back)).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining(layer) });
});

describe("a request", () => {
  test("that is limited waits as long as Retry-After says", async () => {
    const headers = { "retry-after": "1" };
    registry.fail({ method: "GET", path: /manifests/, action: { kind: "status", status: 429, headers } });
    const started = performance.now();
    expect(await open({ retry: { ...retry, longest: 5000 } }).resolve(ref)).toBeUndefined();
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test.each([408, 429, 500, 502, 503, 504])("that is answered %i is sent again", async (status) => {
    registry.fail({ method: "GET", path: /manifests/, times: 2, action: { kind: "status", status } });
    expect(await open().resolve(ref)).toBeUndefined();
    expect(registry.count("GET", /manifests/)).toBe(3);
  });

  test("that goes on failing ends with REGISTRY_ERROR, which says whose code it was", async () => {
    const action = { kind: "status", status: 503, code: "UNAVAILABLE" } as const;
    registry.fail({ method: "GET", path: /manifests/, times: 9, action });
    await expect(open().resolve(ref)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      remote: { status: 503, remoteCode: "UNAVAILABLE", side: "source", method: "GET" },
    });
    expect(registry.count("GET", /manifests/)).toBe(3);
  });

  test.each([
    [401, "UNAUTHORIZED"],
    [403, "FORBIDDEN"],
  ])("that is answered %i is %s and not sent again", async (status, code) => {
    registry.fail({ method: "GET", path: /manifests/, times: 9, action: { kind: "status", status } });
    await expect(open().resolve(ref)).rejects.toMatchObject({ code });
    expect(registry.count("GET", /manifests/)).toBe(1);
  });

  test("to a port where nobody listens is REGISTRY_UNREACHABLE, without waiting", async () => {
    await registry.close();
    const started = performance.now();
    await expect(open({ retry: { attempts: 5, delay: 1000, longest: 9000 } }).resolve(ref)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      hint: expect.stringContaining("nothing listens"),
    });
    expect(performance.now() - started).toBeLessThan(900);
    registry = await startFakeRegistry();
  });
});

test("one upload that fails ends the others, and its error is the one that is told", async () => {
  const layers = [noise(1_500_000, 41), noise(1_500_000, 42), noise(1_500_000, 43)];
  const many = testImage({ layers });
  const bad = (await many.manifest()).value.layers[1]?.digest ?? "";
  registry.fail({ method: "HEAD", path: new RegExp(bad), times: 9, action: { kind: "status", status: 403 } });
  await expect(open().write(many, [ref])).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(registry.manifests.size).toBe(0);
});

test("one that gives up does not take the answer away from others who wait for the same", async () => {
  registry.fail({ method: "GET", path: /^\/v2\/$/, action: { kind: "slow", pause: 1 } });
  const store = open();
  const stop = new AbortController();
  const [first, second] = [
    store.write(image, [ref], { ctx: ctx(stop.signal) }),
    store.write(image, [ref], { ctx: ctx(new AbortController().signal) }),
  ];
  stop.abort();
  await expect(first).rejects.toMatchObject({ code: "CANCELED" });
  await second;
});

test("what a registry says is printed without control characters", async () => {
  const action = { kind: "status", status: 400, code: "BAD\u001b[31m" } as const;
  registry.fail({ method: "GET", path: /manifests/, action });
  const failure: unknown = await open()
    .resolve(ref)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "REGISTRY_ERROR", remote: { remoteCode: "BAD [31m" } });
  expect(String(failure)).not.toContain("\u001b");
});

test("a layer with URLs is not passed on", async () => {
  const [base] = await image.layers();
  if (base === undefined) throw new Error("no layer");
  const descriptor = { ...(await base.descriptor()), urls: ["https://elsewhere.test/layer"] };
  const foreign = imageFromParts({
    config: { os: "linux", architecture: "amd64" },
    layers: [{ ...base, descriptor: async () => descriptor }],
    format: "oci",
  });
  await open().write(foreign, [ref]);
  expect(registry.blobs.has(`app ${descriptor.digest}`)).toBe(false);
});
