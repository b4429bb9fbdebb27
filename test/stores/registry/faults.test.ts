import { describe, expect, test } from "vitest";
import { imageFromParts } from "../../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { startFakeRegistry } from "../../fakes/registry.ts";
import { faultyRegistry, image, open } from "./faulty-registry.ts";

const uploads = /\/blobs\/uploads\//;
const at = faultyRegistry();
const { roundTrip } = at;

describe("an upload", () => {
  test("that is cut goes on where the registry stopped, without sending the rest again", async () => {
    at.registry.fail({ method: "PATCH", path: uploads, action: { kind: "cut-request", after: 700_000 } });
    await roundTrip();
    const patches = at.registry.seen.filter(({ method }) => method === "PATCH");
    expect(patches.map(({ headers }) => headers["content-range"])).toEqual([
      undefined,
      expect.stringMatching(/^700000-/),
    ]);
    expect(at.registry.count("POST", uploads)).toBe(2);
  });

  test("may be cut more often than there are tries while it goes forward", async () => {
    at.registry.fail({ method: "PATCH", path: uploads, times: 6, action: { kind: "cut-request", after: 200_000 } });
    await roundTrip();
    expect(at.registry.count("PATCH", uploads)).toBe(7);
  });

  test("that never gets a byte across ends with REGISTRY_UNREACHABLE on the destination's side", async () => {
    at.registry.fail({ method: "PATCH", path: uploads, times: 99, action: { kind: "cut-request", after: 0 } });
    await expect(open().write(image, [at.ref])).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      remote: { side: "destination", method: "PATCH" },
    });
    expect(at.registry.count("PATCH", uploads)).toBe(3);
    expect(at.registry.manifests.size).toBe(0);
  });

  test("that the registry forgets begins anew", async () => {
    at.registry.fail({ method: "PATCH", path: uploads, action: { kind: "forget-upload" } });
    at.registry.fail({ method: "PUT", path: uploads, action: { kind: "forget-upload" } });
    await roundTrip();
  });

  test("whose last answer is lost is found to be complete", async () => {
    at.registry.fail({ method: "PUT", path: /digest=/, times: 2, action: { kind: "status-after", status: 502 } });
    await roundTrip();
  });

  test("in chunks says the range of each", async () => {
    await roundTrip({ chunkSize: 600_000 });
    const ranges = at.registry.seen
      .filter(({ method }) => method === "PATCH")
      .map((one) => one.headers["content-range"]);
    expect(ranges.slice(0, 2)).toEqual(["0-599999", "600000-1199999"]);
    expect(ranges).toHaveLength(3);
  });

  test("of a blob that another repository has is a mount", async () => {
    await open().write(image, [parseReference(`${at.registry.host}/base:v1`)]);
    const sent = at.registry.count("PATCH", uploads);
    const report = await open().write(image, [at.ref], { mountFrom: [parseReference(`${at.registry.host}/base`)] });
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["mounted"]);
    expect(at.registry.count("PATCH", uploads)).toBe(sent);
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
    at.registry.fail({
      method: "PUT",
      path: /manifests/,
      action: { kind: "status", status: 404, code: "BLOB_UNKNOWN" },
    });
    const store = open();
    await store.write(image, [at.ref]);
    expect(at.registry.count("PUT", /manifests/)).toBe(2);
    at.registry.blobs.delete(`app ${layer}`);
    at.registry.fail({ method: "HEAD", path: new RegExp(layer), action: { kind: "status", status: 200 } });
    await store.write(image, [at.ref]);
    expect(at.registry.blobs.has(`app ${layer}`)).toBe(true);
  });

  test("whose bytes are not those of its digest is DIGEST_MISMATCH", async () => {
    const { digest } = await open().write(image, [at.ref]);
    at.registry.fail({ method: "GET", path: /manifests/, action: { kind: "corrupt" } });
    const wanted = parseReference(`${at.registry.host}/app@${digest}`);
    await expect(open().resolve(wanted)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
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
    at.registry.fail({ method, path, times: 99, action: { kind: "status", status } });
    await expect(open().write(image, [at.ref])).rejects.toMatchObject({
      code,
      remote: { status, side: "destination" },
    });
    expect([...at.registry.manifests.keys()].filter((name) => name.endsWith(" v1"))).toEqual([]);
  });

  test.each([429, 503])("for a while (%i) goes on afterwards", async (status) => {
    for (const [method, path] of [
      ["HEAD", /blobs/],
      ["POST", uploads],
      ["PATCH", uploads],
      ["PUT", uploads],
      ["PUT", /manifests/],
    ] as const) {
      at.registry.fail({ method, path, action: { kind: "status", status, headers: { "retry-after": "0" } } });
    }
    await roundTrip();
  });
});

test("one upload that fails ends the others, and its error is the one that is told", async () => {
  const layers = [noise(1_500_000, 41), noise(1_500_000, 42), noise(1_500_000, 43)];
  const many = testImage({ layers });
  const bad = (await many.manifest()).value.layers[1]?.digest ?? "";
  at.registry.fail({ method: "HEAD", path: new RegExp(bad), times: 9, action: { kind: "status", status: 403 } });
  await expect(open().write(many, [at.ref])).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(at.registry.manifests.size).toBe(0);
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
  await open().write(foreign, [at.ref]);
  expect(at.registry.blobs.has(`app ${descriptor.digest}`)).toBe(false);
});
