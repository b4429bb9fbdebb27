import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { packingBy } from "../../lifecycle/layers/hash-first.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { exportImage, type ExportResult } from "../../lifecycle/phases/export.ts";
import type { BlobCache } from "../../lifecycle/stores/blob-cache.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { exportInputs, metadataWith } from "../phases/export-fixture.ts";

const megabyte = 2 ** 20;
const large = 40 * megabyte;

/** A way to the registry that can be cut: after so many more bytes of ours, each connection is. */
interface Way {
  readonly host: string;
  cutAfter: number;
  cuts: number;
  readonly close: () => Promise<void>;
}

async function wayTo(host: string): Promise<Way> {
  const port = Number(host.split(":")[1]);
  const server = createServer((client) => {
    const there = connect(port, "127.0.0.1");
    client.pipe(there);
    there.pipe(client);
    client.on("data", (bytes) => {
      way.cutAfter -= bytes.length;
      if (way.cutAfter > 0) return;
      [way.cutAfter, way.cuts] = [Infinity, way.cuts + 1];
      client.destroy();
      there.destroy();
    });
    for (const end of [client, there]) end.on("error", () => [client, there].forEach((socket) => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const way: Way = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: Infinity,
    cuts: 0,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
  return way;
}

// CI installs everything: there a missing program is a failure.
const installed = process.env["CI"] !== undefined || isInstalled("docker-registry");

describe.skipIf(!installed)("a layer that is sent to docker-registry while it is packed", () => {
  let registry: DockerRegistry;
  let root = "";
  const requests: string[] = [];
  beforeAll(async () => void (registry = await startDockerRegistry()));
  afterAll(() => registry.close());
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tspack-stream-"));
    requests.length = 0;
    write("launcher", "launcher");
    write("app/main", "app");
    write("layers/config/metadata.toml", "");
    write("layers/a_b/lib.toml", "[types]\nlaunch = true\n");
    write("layers/a_b/lib/file", randomBytes(large));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }

  const store = (debug: (line: string) => void = () => {}) =>
    registryStore({ retry: { attempts: 4, delay: 5, longest: 50 }, logger: { ...silentLogger, debug } });

  async function exporting(host: string, packing: (blobs: BlobCache) => BlobCache): Promise<ExportResult> {
    const [run, app] = [parseReference(`${host}/run`), parseReference(`${host}/${repository()}`)];
    const base = [memoryLayer(Buffer.alloc(1024))];
    await store().write(
      imageFromParts({ config: { architecture: "amd64", os: "linux" }, layers: base, format: "oci" }),
      [run],
    );
    const ctx = {
      logger: silentLogger,
      progress: silentProgress,
      clock: () => new Date(),
      signal: new AbortController().signal,
    };
    const one = store((line) => void requests.push(line));
    const inputs = exportInputs(root, {
      metadata: metadataWith([], ""),
      app: { path: join(root, "app"), name: "/workspace" },
      outputImages: [app],
      runImage: run,
      runImageForExport: { image: run.original, mirrors: [] },
    });
    const blobs = packing(await openBlobCache(join(root, "blobs"), { ctx }));
    return exportImage(inputs, { images: one, sink: one, blobs, cache: undefined, ctx });
  }

  /** Each test has a repository of its own. */
  const repository = (): string => `app-${root.split("-").at(-1)?.toLowerCase() ?? ""}`;

  async function isWhole(result: ExportResult): Promise<void> {
    const back = await store().resolve(parseReference(`${registry.host}/${repository()}`));
    if (back === undefined) throw new Error("there is no image");
    await validate(back);
    expect((await back.manifest()).digest).toBe((await result.image.manifest()).digest);
  }

  /** After the large layer's tar is packed, before its blob ends. */
  function atItsEnd(then: () => Promise<void> | void) {
    return (blobs: BlobCache): BlobCache => {
      let isFirst = true;
      return packingBy(blobs, (produce, watch) => {
        if (!isFirst) return blobs.pack(produce, watch);
        isFirst = false;
        return blobs.pack(async (sink) => (await produce(sink), await then()), watch);
      });
    };
  }

  const patches = (): readonly string[] => requests.filter((line) => line.startsWith("PATCH"));

  test("is there, byte for byte, after one upload", async () => {
    await isWhole(await exporting(registry.host, (blobs) => blobs));
    expect(patches()).toHaveLength(1);
    expect(requests.some((line) => line.startsWith("GET") && line.includes("/tags/list"))).toBe(true);
  });

  test("is there after its connection was cut", async () => {
    const way = await wayTo(registry.host);
    const packing = atItsEnd(() => {});
    way.cutAfter = 15 * megabyte;
    await isWhole(await exporting(way.host, packing));
    expect(way.cuts).toBe(1);
    expect(patches().length).toBeGreaterThan(1);
    await way.close();
  });

  test("is not there when packing fails, and its upload is gone", async () => {
    const failing = exporting(
      registry.host,
      atItsEnd(async () => {
        while (!requests.some((line) => line.startsWith("POST"))) await sleep(2);
        throw new Error("the disk is broken");
      }),
    );
    await expect(failing).rejects.toThrow("the disk is broken");
    const [begun] = requests.filter((line) => line.startsWith("DELETE"));
    const location = /^DELETE (\S+)/.exec(begun ?? "")?.[1] ?? "";
    expect((await fetch(location)).status).toBe(404);
  });
});
