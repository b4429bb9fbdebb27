import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../../lifecycle/oci/digest.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../../fakes/registry.ts";

const size = 700_000;
const image = testImage({ layers: [noise(size, 22)] });
const retry = { attempts: 4, delay: 1, longest: 3 };

/** What the registry does with one PATCH; after the list it behaves. */
interface Trick {
  readonly kind: "cut" | "short" | "unavailable" | "range-invalid" | "lying-status" | "moved";
  /** Bytes of the request that it reads before it does so. */
  readonly after: number;
  /** How many of these it keeps: at most so many. */
  readonly keeps: number;
}

interface Upload {
  bytes: Buffer;
  /** What GET says instead of the truth, once. */
  lie?: number | undefined;
}

/** A registry of one repository whose uploads go wrong. Bytes are checked against the digest at the end, as by all. */
class TrickyRegistry {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests: string[] = [];
  readonly #uploads = new Map<string, Upload>();
  readonly #tricks: Trick[];
  readonly #strict: boolean;
  #count = 0;

  /** How many uploads were begun. */
  get begun(): number {
    return this.#count;
  }

  /** `strict`: refuses a part that does not begin where it is, with 416; else it appends whatever comes. */
  constructor(tricks: readonly Trick[], strict: boolean) {
    this.#tricks = [...tricks];
    this.#strict = strict;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const name = pathname.split("/").at(-1) ?? "";
    const say = (status: number, headers: Readonly<Record<string, string>> = {}, body = ""): void =>
      void response.writeHead(status, headers).end(body);
    if (pathname === "/v2/") return say(200);
    if (pathname.includes("/manifests/")) {
      await read(request, Infinity);
      this.manifests.push(name);
      return say(201);
    }
    if (!pathname.includes("/uploads/")) return say(this.blobs.has(name) ? 200 : 404);
    if (request.method === "POST") return say(202, { location: this.#begin({ bytes: Buffer.alloc(0) }) });
    const upload = this.#uploads.get(name);
    if (upload === undefined) return say(404, {}, problem("BLOB_UPLOAD_UNKNOWN"));
    if (request.method === "GET") {
      const have = upload.lie ?? upload.bytes.length;
      upload.lie = undefined;
      return say(204, { location: name, range: `0-${Math.max(0, have - 1)}` });
    }
    if (request.method === "PATCH") return this.#patch(request, response, name, upload);
    const bytes = Buffer.concat([upload.bytes, await read(request, Infinity)]);
    this.#uploads.delete(name);
    const digest = searchParams.get("digest") ?? "";
    if (digestOf(bytes) !== digest) return say(400, {}, problem("DIGEST_INVALID"));
    this.blobs.set(digest, bytes);
    return say(201);
  }

  #begin(upload: Upload): string {
    this.#count++;
    this.#uploads.set(`upload-${this.#count}`, upload);
    return `/v2/app/blobs/uploads/upload-${this.#count}`;
  }

  async #patch(request: IncomingMessage, response: ServerResponse, name: string, upload: Upload): Promise<void> {
    const trick = this.#tricks.shift();
    // Who stops reading a request loses sight of its socket.
    const { socket } = request;
    const start = Number(/^(\d+)-/.exec(request.headers["content-range"] ?? "")?.[1] ?? upload.bytes.length);
    const range = (): string => `0-${Math.max(0, upload.bytes.length - 1)}`;
    if (trick?.kind === "range-invalid" || (this.#strict && start !== upload.bytes.length)) {
      await read(request, Infinity);
      return void response.writeHead(416, { location: name, range: range() }).end();
    }
    const came = await read(request, trick?.kind === "cut" ? trick.after : Infinity);
    const taken = trick === undefined || trick.kind === "moved" ? came : came.subarray(0, trick.keeps);
    upload.bytes = Buffer.concat([upload.bytes, taken]);
    if (trick?.kind === "cut") return void socket.destroy();
    if (trick?.kind === "unavailable") return void response.writeHead(503).end();
    if (trick?.kind === "lying-status") {
      upload.lie = Math.floor(upload.bytes.length / 2);
      return void response.writeHead(502).end();
    }
    if (trick?.kind === "moved") {
      this.#uploads.delete(name);
      return void response.writeHead(202, { location: this.#begin(upload), range: range() }).end();
    }
    response.writeHead(202, { location: name, range: range() }).end();
  }
}

function problem(code: string): string {
  return JSON.stringify({ errors: [{ code, message: code }] });
}

/** The first bytes of a body. */
async function read(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = limit;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) break;
  }
  return Buffer.concat(chunks);
}

async function withRegistry<T>(registry: TrickyRegistry, work: (host: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    registry.answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const trick: fc.Arbitrary<Trick> = fc.record({
  kind: fc.constantFrom("cut", "short", "unavailable", "range-invalid", "lying-status", "moved"),
  after: fc.integer({ min: 0, max: size }),
  keeps: fc.oneof(fc.constantFrom(0, 1, size - 1), fc.integer({ min: 0, max: size })),
});

describe("an upload that goes wrong", () => {
  const cases = {
    tricks: fc.array(trick, { maxLength: 3 }),
    strict: fc.boolean(),
    chunkSize: fc.constantFrom(undefined, 100_000, 333_333),
  };

  test("brings the whole blob after any three failures, wherever it is cut and whatever was kept", async () => {
    const { layers } = (await image.manifest()).value;
    await fc.assert(
      fc.asyncProperty(fc.record(cases), async ({ tricks, strict, chunkSize }) => {
        const registry = new TrickyRegistry(tricks, strict);
        await withRegistry(registry, async (host) => {
          const store = registryStore({ retry, timeout: 5000, chunkSize });
          await store.write(image, [parseReference(`${host}/app:v1`)]);
        });
        expect(registry.blobs.get(layers[0]?.digest ?? "")?.length).toBe(layers[0]?.size);
        expect(registry.manifests).toEqual(["v1"]);
      }),
      { numRuns: 80 },
    );
  });

  test("goes on where the registry is, and is begun but once, as long as the registry tells the truth", async () => {
    // One byte cannot be told from none: both are "0-0".
    const part = fc.oneof(fc.constantFrom(0, 2, size - 1), fc.integer({ min: 2, max: size }));
    const honest = fc.record({ kind: fc.constantFrom("cut", "short", "unavailable"), after: part, keeps: part });
    const parts = { ...cases, tricks: fc.array(honest, { minLength: 1, maxLength: 3 }) };
    await fc.assert(
      fc.asyncProperty(fc.record(parts), async ({ tricks, strict, chunkSize }) => {
        const registry = new TrickyRegistry(tricks, strict);
        await withRegistry(registry, async (host) => {
          const store = registryStore({ retry, timeout: 5000, chunkSize });
          await store.write(image, [parseReference(`${host}/app:v1`)]);
        });
        // The layer and the config.
        expect(registry.begun).toBe(2);
      }),
      { numRuns: 60 },
    );
  });

  test("for ever has an end, and leaves no image", async () => {
    for (const kind of ["cut", "short", "unavailable", "range-invalid", "lying-status"] as const) {
      const registry = new TrickyRegistry(
        Array.from({ length: 200 }, () => ({ kind, after: 0, keeps: 0 })),
        true,
      );
      await withRegistry(registry, async (host) => {
        const written = registryStore({ retry, timeout: 5000 }).write(image, [parseReference(`${host}/app:v1`)]);
        await expect(written, kind).rejects.toMatchObject({ code: /^REGISTRY_(ERROR|UNREACHABLE)$/ });
      });
      expect(registry.manifests).toEqual([]);
    }
  });
});

describe("an upload that mostly need not be", () => {
  const uploads = /\/blobs\/uploads\//;
  let registry: FakeRegistry;
  beforeEach(async () => void (registry = await startFakeRegistry()));
  afterEach(() => registry.close());

  test("of a config is begun without asking for it, and of a layer that was seen elsewhere is a mount at once", async () => {
    await registryStore({ retry }).write(image, [parseReference(`${registry.host}/base:v1`)]);
    const store = registryStore({ retry });
    await store.resolve(parseReference(`${registry.host}/base:v1`));
    const before = registry.seen.length;
    const report = await store.write(testImage({ layers: [noise(size, 22)], labels: { made: "now" } }), [
      parseReference(`${registry.host}/app:v1`),
    ]);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["mounted"]);
    const requests = registry.seen.slice(before).map(({ method }) => method);
    expect(requests.filter((method) => method === "HEAD")).toEqual([]);
    expect(requests.toSorted()).toEqual(["POST", "POST", "PUT", "PUT"]);
  });

  test("is given back when the registry mounts nothing and has the layer already", async () => {
    const other = await startFakeRegistry({ mounts: false });
    const names = ["base", "app"].map((name) => parseReference(`${other.host}/${name}:v1`));
    await registryStore({ retry }).write(image, names);
    const store = registryStore({ retry });
    const base = await store.resolve(names[0] ?? parseReference("x"));
    if (base === undefined) throw new Error("the image is missing");
    const patches = other.count("PATCH", uploads);
    const report = await store.write(base, [parseReference(`${other.host}/app:v2`)]);
    expect(report.layers.map(({ outcome }) => outcome)).toEqual(["present"]);
    expect(other.count("PATCH", uploads)).toBe(patches);
    expect(other.count("DELETE", uploads)).toBe(2);
    await other.close();
  });
});
