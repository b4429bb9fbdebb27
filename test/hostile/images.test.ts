import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../lifecycle/oci/digest.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { dockerTypes, ociTypes } from "../../lifecycle/oci/media-type.ts";
import { type ImageRef, parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { codeOf, growthOf, within } from "./bounds.ts";

const retry = { attempts: 2, delay: 2, longest: 40 };
const image = testImage({ layers: [tarOfNoise(100_000, 1)] });
const store = () => registryStore({ retry, timeout: 500 });

let registry: FakeRegistry;
let ref: ImageRef;
beforeEach(async () => {
  registry = await startFakeRegistry();
  ref = parseReference(`${registry.host}/app:v1`);
  await store().write(image, [ref]);
});
afterEach(() => registry.close());

type Json = Record<string, unknown> & { config: Record<string, unknown>; layers: Record<string, unknown>[] };

/** Puts another manifest under the tag, as a registry would that checks nothing. */
async function publish(change: (manifest: Json) => unknown, type: string = ociTypes.manifest): Promise<void> {
  const text = Buffer.from((await image.manifest()).bytes).toString();
  const changed = change(JSON.parse(text) as Json);
  const bytes = Buffer.from(typeof changed === "string" ? changed : JSON.stringify(changed));
  registry.manifests.set("app v1", { type, bytes });
}

async function resolved(): Promise<Image> {
  const found = await store().resolve(ref);
  if (found === undefined) throw new Error("the image is missing");
  return found;
}

const readAll = async (): Promise<void> => validate(await resolved());

describe("an image of a registry whose manifest", () => {
  test.each<[string, (manifest: Json) => unknown, string]>([
    ["is empty", () => "", "INVALID_IMAGE"],
    ["is HTML", () => "<html>login</html>", "INVALID_IMAGE"],
    ["is not UTF-8 JSON", () => '"\ud800"', "INVALID_IMAGE"],
    ["has no config", (one) => ({ ...one, config: undefined }), "INVALID_IMAGE"],
    ["has no layers", (one) => ({ ...one, layers: undefined }), "INVALID_IMAGE"],
    ["is of schema 1", (one) => ({ ...one, schemaVersion: 1 }), "INVALID_IMAGE"],
    ["calls itself something else", (one) => ({ ...one, mediaType: "text/plain" }), "INVALID_IMAGE"],
    ["has a negative size", (one) => ({ ...one, config: { ...one.config, size: -1 } }), "INVALID_IMAGE"],
    [
      "has a path for a digest",
      (one) => ({ ...one, config: { ...one.config, digest: "sha256:../x" } }),
      "INVALID_IMAGE",
    ],
    ["says a config is a GiB", (one) => ({ ...one, config: { ...one.config, size: 2 ** 30 } }), "INVALID_IMAGE"],
    ["says the config is longer", (one) => ({ ...one, config: { ...one.config, size: 9999 } }), "DIGEST_MISMATCH"],
    ["says the config is shorter", (one) => ({ ...one, config: { ...one.config, size: 1 } }), "DIGEST_MISMATCH"],
    ["takes a layer for the config", (one) => ({ ...one, config: one.layers[0] ?? {} }), "INVALID_IMAGE"],
    ["has a layer too many", (one) => ({ ...one, layers: [...one.layers, ...one.layers] }), "INVALID_IMAGE"],
    [
      "says a layer is longer",
      (one) => ({ ...one, layers: one.layers.map((layer) => ({ ...layer, size: 9 ** 9 })) }),
      "DIGEST_MISMATCH",
    ],
    [
      "says a layer is shorter",
      (one) => ({ ...one, layers: one.layers.map((layer) => ({ ...layer, size: 9 })) }),
      "DIGEST_MISMATCH",
    ],
  ])("%s is refused", async (_, change, code) => {
    await publish(change);
    expect(await within(5000, () => codeOf(readAll))).toBe(code);
  });

  test.each([ociTypes.index, dockerTypes.index])(
    "is an index (%s) without our platform is IMAGE_NOT_FOUND",
    async (type) => {
      const { digest } = await image.manifest();
      const entry = { mediaType: ociTypes.manifest, digest, size: 1, platform: { os: "plan9", architecture: "mips" } };
      await publish(() => ({ schemaVersion: 2, mediaType: type, manifests: [entry] }), type);
      await expect(store().resolve(ref, { platform: { os: "linux", architecture: "amd64" } })).rejects.toMatchObject({
        code: "IMAGE_NOT_FOUND",
        issues: [{ expected: "plan9/mips" }],
      });
    },
  );

  test("is an index that leads to itself ends", async () => {
    const platform = { os: "linux", architecture: "amd64" };
    const bytes = (digest: string): string =>
      JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: ociTypes.index, digest, size: 5, platform }] });
    // A digest cannot contain itself, so the registry lies about it.
    const digest = digestOf(Buffer.from("x"));
    await publish(() => bytes(digest), ociTypes.index);
    registry.manifests.set(`app ${digest}`, { type: ociTypes.index, bytes: Buffer.from(bytes(digest)) });
    expect(["IMAGE_NOT_FOUND", "DIGEST_MISMATCH", "INVALID_IMAGE"]).toContain(
      await within(5000, () => codeOf(() => store().resolve(ref, { platform }))),
    );
  });

  test("is 20 MiB is refused before it is read to its end", async () => {
    await publish(() => `"${"x".repeat(20 * 1024 * 1024)}"`);
    expect(await within(5000, () => codeOf(readAll))).toBe("INVALID_IMAGE");
  });
});

describe("a layer", () => {
  /** Gives the registry another blob under the layer's digest. */
  async function replaceLayer(make: (blob: Buffer) => Uint8Array): Promise<void> {
    const digest = (await image.manifest()).value.layers[0]?.digest ?? "";
    const blob = Buffer.from(registry.blobs.get(`app ${digest}`) ?? []);
    registry.blobs.set(`app ${digest}`, make(blob));
  }

  const unpack = async (): Promise<void> => {
    const [layer] = await (await resolved()).layers();
    for await (const _ of layer?.uncompressed() ?? []) void _;
  };

  test.each<[string, (blob: Buffer) => Uint8Array]>([
    [
      "another gzip file and bytes that nobody reads",
      (blob) => Buffer.concat([gzipSync("evil"), Buffer.alloc(blob.length)]).subarray(0, blob.length),
    ],
    ["another gzip file", () => gzipSync("evil")],
    ["its first half", (blob) => blob.subarray(0, blob.length / 2)],
    ["the same and more", (blob) => Buffer.concat([blob, blob])],
    ["nothing", () => new Uint8Array()],
    ["plain text", (blob) => Buffer.alloc(blob.length, "evil")],
  ])("that is replaced by %s is refused when it is unpacked", async (_, make) => {
    await replaceLayer(make);
    expect(["DIGEST_MISMATCH", "INVALID_IMAGE"]).toContain(await within(5000, () => codeOf(unpack)));
  });

  test("that inflates to 1 GiB of zeros is read in little memory", async () => {
    const part = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const bomb = Buffer.concat(Array.from({ length: 16 }, () => part));
    const digest = digestOf(bomb);
    registry.blobs.set(`app ${digest}`, bomb);
    await publish((one) => ({ ...one, layers: one.layers.map((layer) => ({ ...layer, digest, size: bomb.length })) }));
    let size = 0;
    const growth = await growthOf(async () => {
      const [layer] = await (await resolved()).layers();
      for await (const chunk of layer?.uncompressed() ?? []) size += chunk.length;
    });
    expect(size).toBe(1024 ** 3);
    expect(growth).toBeLessThan(200);
  });
});

describe("a server", () => {
  let server: Server;
  const serve = async (...answer: readonly string[]): Promise<ImageRef> => {
    server = createServer();
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        for (const text of answer) socket.write(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return parseReference(`127.0.0.1:${(server.address() as AddressInfo).port}/app:v1`);
  };
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

  test.each<[string, readonly string[]]>([
    ["says nothing", []],
    ["speaks another protocol", ["220 mail.test ESMTP\r\n"]],
    ["promises more than it sends", [`${head}content-length: 1000\r\n\r\n{}`]],
    ["has two lengths", [`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`]],
    ["has a negative length", [`${head}content-length: -2\r\n\r\n{}`]],
    ["has a length of text", [`${head}content-length: many\r\n\r\n{}`]],
    ["sends headers without end", [`HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(100_000)}`]],
    ["stops within a chunk", [`${head}transfer-encoding: chunked\r\n\r\nffff\r\n{}`]],
    ["has a chunk of a bad size", [`${head}transfer-encoding: chunked\r\n\r\nxyz\r\n{}`]],
    ["never ends its headers", ["HTTP/1.1 200 OK\r\nx: "]],
  ])("that %s is REGISTRY_UNREACHABLE or REGISTRY_ERROR, soon", async (_, answer) => {
    const name = await serve(...answer);
    expect(["REGISTRY_UNREACHABLE", "REGISTRY_ERROR"]).toContain(
      await within(10_000, () => codeOf(() => store().resolve(name))),
    );
  });
});

test("what a redirect leads to gets no credential and its bytes are checked", async () => {
  const elsewhere = await startFakeRegistry();
  const digest = (await image.manifest()).value.config.digest;
  elsewhere.blobs.set(`x ${digest}`, Buffer.from("{}"));
  registry.fail({
    method: "GET",
    path: new RegExp(digest),
    times: 9,
    action: { kind: "redirect", to: `http://${elsewhere.host}/v2/x/blobs/${digest}` },
  });
  const credential = { kind: "basic", username: "u", password: "geheim" } as const;
  const keychain = { resolve: () => Promise.resolve(credential) };
  const found = await registryStore({ retry, keychain }).resolve(ref);
  expect(await codeOf(() => found?.config())).toBe("DIGEST_MISMATCH");
  expect(elsewhere.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
  expect(createHash("sha256").update("{}").digest("hex")).not.toBe(digest.slice(7));
  await elsewhere.close();
});
