import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import type { Context } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { faultyRegistry, image, open, retry } from "./faulty-registry.ts";

const uploads = /\/blobs\/uploads\//;
const at = faultyRegistry();
const { roundTrip } = at;

const ctx = (signal: AbortSignal): Context => ({
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal,
});

describe("a manifest that is read", () => {
  test("and cut in the middle is asked for again", async () => {
    await open().write(image, [at.ref]);
    at.registry.fail({ method: "GET", path: /manifests/, times: 2, action: { kind: "cut-response", after: 20 } });
    expect(await (await open().resolve(at.ref))?.manifest()).toMatchObject({ digest: (await image.manifest()).digest });
  });

  test("and cut each time is REGISTRY_UNREACHABLE", async () => {
    await open().write(image, [at.ref]);
    at.registry.fail({ method: "GET", path: /manifests/, times: 9, action: { kind: "cut-response", after: 20 } });
    await expect(open().resolve(at.ref)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      remote: { method: "GET" },
    });
    expect(at.registry.count("GET", /manifests/)).toBe(3);
  });
});

describe("a blob that is read", () => {
  test("and cut in the middle is read on from there", async () => {
    await open().write(image, [at.ref]);
    at.registry.fail({ method: "GET", path: /blobs/, times: 4, action: { kind: "cut-response", after: 300_000 } });
    const back = await open().resolve(at.ref);
    if (back !== undefined) await (await back.layers())[0]?.descriptor();
    for await (const _ of (await back?.layers())?.[0]?.compressed() ?? []) void _;
    const ranges = at.registry.seen.filter(({ method, url }) => method === "GET" && url.includes("/blobs/"));
    expect(ranges.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThanOrEqual(2);
  });

  test("and damaged is DIGEST_MISMATCH", async () => {
    await open().write(image, [at.ref]);
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    at.registry.fail({ method: "GET", path: new RegExp(layer), action: { kind: "corrupt" } });
    const back = await open().resolve(at.ref);
    if (back === undefined) throw new Error("the image is missing");
    await expect(validate(back)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("slowly is stopped at once by the signal", async () => {
    await open().write(image, [at.ref]);
    const stop = new AbortController();
    at.registry.fail({ method: "GET", path: /blobs/, times: 9, action: { kind: "slow", pause: 200 } });
    const back = await open({ signal: stop.signal }).resolve(at.ref);
    setTimeout(() => stop.abort(), 20);
    const started = performance.now();
    await expect(back?.config().then(() => validate(back))).rejects.toMatchObject({ code: "CANCELED" });
    expect(performance.now() - started).toBeLessThan(1500);
  });
});

describe("a length that is not the body's", () => {
  test.each([1, 1000])("%i bytes too long is a cut, which is read on", async (by) => {
    await open().write(image, [at.ref]);
    at.registry.fail({ method: "GET", path: /manifests|blobs/, times: 2, action: { kind: "wrong-length", by } });
    const back = await open().resolve(at.ref);
    if (back === undefined) throw new Error("the image is missing");
    await validate(back);
  });

  test("too short is DIGEST_MISMATCH", async () => {
    await open().write(image, [at.ref]);
    const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
    const action = { kind: "wrong-length", by: -1000 } as const;
    at.registry.fail({ method: "GET", path: new RegExp(layer), times: 9, action });
    const back = await open().resolve(at.ref);
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
    at.registry.fail({ method, path, times: 2, action: { kind: "reset" } });
    await roundTrip();
    expect(at.registry.count(method, path)).toBeGreaterThan(2);
  });
});

test("a blob that is gone is NOT_FOUND, which names it", async () => {
  await open().write(image, [at.ref]);
  const layer = (await image.manifest()).value.layers[0]?.digest ?? "";
  at.registry.blobs.delete(`app ${layer}`);
  const back = await open().resolve(at.ref);
  if (back === undefined) throw new Error("the image is missing");
  await expect(validate(back)).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining(layer) });
});

describe("a request", () => {
  test("that is limited waits as long as Retry-After says", async () => {
    const headers = { "retry-after": "1" };
    at.registry.fail({ method: "GET", path: /manifests/, action: { kind: "status", status: 429, headers } });
    const started = performance.now();
    expect(await open({ retry: { ...retry, longest: 5000 } }).resolve(at.ref)).toBeUndefined();
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test.each([408, 429, 500, 502, 503, 504])("that is answered %i is sent again", async (status) => {
    at.registry.fail({ method: "GET", path: /manifests/, times: 2, action: { kind: "status", status } });
    expect(await open().resolve(at.ref)).toBeUndefined();
    expect(at.registry.count("GET", /manifests/)).toBe(3);
  });

  test("that goes on failing ends with REGISTRY_ERROR, which says whose code it was", async () => {
    const action = { kind: "status", status: 503, code: "UNAVAILABLE" } as const;
    at.registry.fail({ method: "GET", path: /manifests/, times: 9, action });
    await expect(open().resolve(at.ref)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      remote: { status: 503, remoteCode: "UNAVAILABLE", side: "source", method: "GET" },
    });
    expect(at.registry.count("GET", /manifests/)).toBe(3);
  });

  test.each([
    [401, "UNAUTHORIZED"],
    [403, "FORBIDDEN"],
  ])("that is answered %i is %s and not sent again", async (status, code) => {
    at.registry.fail({ method: "GET", path: /manifests/, times: 9, action: { kind: "status", status } });
    await expect(open().resolve(at.ref)).rejects.toMatchObject({ code });
    expect(at.registry.count("GET", /manifests/)).toBe(1);
  });

  test("to a port where nobody listens is REGISTRY_UNREACHABLE, without waiting", async () => {
    await at.registry.close();
    const started = performance.now();
    await expect(open({ retry: { attempts: 5, delay: 1000, longest: 9000 } }).resolve(at.ref)).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      hint: expect.stringContaining("nothing listens"),
    });
    expect(performance.now() - started).toBeLessThan(900);
    await at.restart();
  });
});

test("one that gives up does not take the answer away from others who wait for the same", async () => {
  at.registry.fail({ method: "GET", path: /^\/v2\/$/, action: { kind: "slow", pause: 1 } });
  const store = open();
  const stop = new AbortController();
  const [first, second] = [
    store.write(image, [at.ref], { ctx: ctx(stop.signal) }),
    store.write(image, [at.ref], { ctx: ctx(new AbortController().signal) }),
  ];
  stop.abort();
  await expect(first).rejects.toMatchObject({ code: "CANCELED" });
  await second;
});

test("what a registry says is printed without control characters", async () => {
  const action = { kind: "status", status: 400, code: "BAD\u001b[31m" } as const;
  at.registry.fail({ method: "GET", path: /manifests/, action });
  const failure: unknown = await open()
    .resolve(at.ref)
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "REGISTRY_ERROR", remote: { remoteCode: "BAD [31m" } });
  expect(String(failure)).not.toContain("\u001b");
});
