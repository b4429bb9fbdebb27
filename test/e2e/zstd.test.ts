import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Descriptor } from "../../lifecycle/oci/descriptor.ts";
import type { DiffId } from "../../lifecycle/oci/digest.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { startTrafficProxy, type TrafficProxy } from "../bench/traffic-proxy.ts";
import { pushRunImage } from "../bench/workloads.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { treeListing } from "../layers/tree-listing.ts";
import { type FinishedBuild, finishedBuild } from "./finished-build.ts";
import {
  buildJson,
  type Finished,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  tspack,
} from "./tspack.ts";
import { hasZstd, zstdNode } from "./zstd-node.ts";

const run = promisify(execFile);
const tools = needs("docker-registry", "skopeo", "umoci");
const newer = zstdNode();
const types = {
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
};
const lacksZstd = /needs zstd, which Node .* does not have[^]*hint: use Node 22\.15 or newer/;

describe.skipIf(tools.skip || newer.skip)(`layers compressed with zstd${tools.note}${newer.note}`, () => {
  let directory = "";
  let registry: DockerRegistry;
  let proxy: TrafficProxy;
  let build: FinishedBuild;

  const host = (): string => proxy.host;
  const zstd = (...more: readonly string[]): readonly string[] => ["-compression", "zstd", ...more];

  beforeAll(async () => {
    directory = scratchDirectory("zstd");
    registry = await startDockerRegistry();
    proxy = await startTrafficProxy({ target: registry.host });
    await pushRunImage(`${host()}/run`, "base");
    build = finishedBuild(join(directory, "build"), `${host()}/run`);
    await exported(process.execPath, "gzip");
    await exported(newer.program, "zstd", ...zstd("-cache-image", `${host()}/cache`));
  });
  afterAll(async () => {
    await proxy?.close();
    await registry?.close();
    removeAll(directory);
  });

  /** Analyzes and exports; gives what the export sent. */
  async function exported(node: string, image: string, ...args: readonly string[]): Promise<number> {
    const cache = args.slice(args.indexOf("-cache-image")).slice(0, 2);
    const name = `${host()}/${image}`;
    succeeded(await build.phase(node, "analyze", ...(cache.length === 2 ? cache : []), name));
    proxy.reset();
    succeeded(await build.phase(node, "export", ...args, name));
    return proxy.read().sentBytes;
  }

  const inspected = (image: string): Promise<Inspected> => inspect(`${host()}/${image}`);

  it("have the DiffIDs of gzip's, and their own media type; gzip is what comes without the flag", async () => {
    const [one, other] = [await inspected("gzip"), await inspected("zstd")];
    expect(other.diffIds).toEqual(one.diffIds);
    expect(new Set(other.layers.map(({ mediaType }) => mediaType))).toEqual(new Set([types.zstd]));
    expect(new Set(one.layers.map(({ mediaType }) => mediaType))).toEqual(new Set([types.gzip]));
    await exported(newer.program, "without-flag");
    expect((await inspected("without-flag")).layers).toEqual(one.layers);
  });

  it("are copied and decompressed by skopeo, to the bytes of their DiffIDs, and unpacked by umoci", async () => {
    const source = `docker://${host()}/zstd`;
    const copied = join(directory, "copied");
    await skopeo(source, `oci:${copied}:app`);
    const blob = (digest: string): Buffer => readFileSync(join(copied, "blobs", digest.replace(":", "/")));
    for (const { digest } of (await inspected("zstd")).layers) expect(sha256(blob(digest))).toBe(digest);

    const plain = join(directory, "plain");
    await skopeo(source, `dir:${plain}`, "--dest-decompress");
    const { diffIds } = await inspected("zstd");
    for (const hex of diffIds.map((diffId) => diffId.replace("sha256:", "")))
      expect(sha256(readFileSync(join(plain, hex)))).toBe(`sha256:${hex}`);

    // umoci 0.4 reads no zstd itself.
    const layout = join(directory, "layout");
    await skopeo(`dir:${plain}`, `oci:${layout}:app`);
    const bundle = join(directory, "bundle");
    await run("umoci", ["unpack", "--rootless", "--image", `${layout}:app`, bundle]);
    const name = build.layers[0];
    expect(treeListing(join(bundle, "rootfs", name))).toEqual(treeListing(name));
  });

  it("are neither made nor sent again while nothing changed, with their cache image", async () => {
    const before = await inspected("zstd");
    const sent = await exported(newer.program, "zstd", ...zstd("-cache-image", `${host()}/cache`));
    // Manifests and configs only: the layers have 3.5 MB.
    expect(sent).toBeLessThan(60_000);
    expect(await inspected("zstd")).toEqual(before);
  });

  it("stay where an image has them and the next export says nothing of zstd", async () => {
    const before = await inspected("zstd");
    expect(await exported(process.execPath, "zstd")).toBeLessThan(60_000);
    expect(await inspected("zstd")).toEqual(before);
  });

  it("are restored from a cache image", async () => {
    const cache = await inspected("cache");
    expect(cache.layers.map(({ mediaType }) => mediaType)).toContain(types.zstd);
    const kept = join(directory, "kept");
    const [data, cached] = build.layers;
    cpSync(join(data, ".."), kept, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    build.forgetLayers();
    const flags = ["-cache-image", `${host()}/cache`];
    succeeded(await build.phase(newer.program, "analyze", ...flags, `${host()}/zstd`));
    succeeded(await build.phase(newer.program, "restore", ...flags));
    expect(treeListing(data)).toEqual(treeListing(join(kept, "data")));
    expect(treeListing(cached)).toEqual(treeListing(join(kept, "tools")));
  });

  describe.skipIf(hasZstd)(`on Node ${process.versions.node}, which has no zstd`, () => {
    it("end an export before anything is sent, with the version that can", async () => {
      succeeded(await build.phase(process.execPath, "analyze", `${host()}/never`));
      proxy.reset();
      const { code, stdout, stderr } = await build.phase(process.execPath, "export", ...zstd(), `${host()}/never`);
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(lacksZstd);
      expect(proxy.read().sentBytes).toBeLessThan(10_000);
      const image = await registryStore({}).resolve(parseReference(`${host()}/never`));
      expect(image).toBeUndefined();
    });

    it("end a restore from a cache of them", async () => {
      build.forgetLayers();
      const flags = ["-cache-image", `${host()}/cache`];
      succeeded(await build.phase(process.execPath, "analyze", ...flags, `${host()}/zstd`));
      const { code, stdout, stderr } = await build.phase(process.execPath, "restore", ...flags);
      // The specification's number for restores that fail.
      expect(code).toBe(42);
      expect(stdout + stderr).toMatch(lacksZstd);
    });
  });
});

describe.skipIf(tools.skip || newer.skip)(`tspack build --compression zstd${tools.note}${newer.note}`, () => {
  let person: Person;
  let registry: DockerRegistry;
  let proxy: TrafficProxy;
  const args = (name: string): readonly string[] => [
    ...[`${proxy.host}/${name}`, "--path", packageFile("samples/node-hello"), "--publish"],
    ...["--insecure-registry", proxy.host],
  ];
  const flag = ["--compression", "zstd"];

  beforeAll(async () => {
    person = await self();
    registry = await startDockerRegistry();
    proxy = await startTrafficProxy({ target: registry.host });
  });
  afterAll(async () => {
    await proxy?.close();
    await registry?.close();
  });

  it("publishes them, sends nothing the second time, and restores the cache where the layers are gone", async () => {
    const { program: node } = newer;
    const first = await buildJson(person, [...args("built"), ...flag], { node });
    const layers = (await inspect(`${proxy.host}/built`)).layers;
    expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(new Set([types.zstd]));
    proxy.reset();
    const again = await buildJson(person, [...args("built"), ...flag], { node });
    expect(again.digest).toBe(first.digest);
    expect(proxy.read().sentBytes).toBeLessThan(60_000);

    // The layers of the last build, unpacked.
    const builds = join(person.home, "cache/builds");
    for (const name of readdirSync(builds)) rmSync(join(builds, name, "trees"), { recursive: true, force: true });
    const third = await buildJson(person, [...args("built"), ...flag], { node });
    expect(third.digest).toBe(first.digest);
    expect(third.restored).toContainEqual({ layer: "tspack/nodejs:node", from: "cache" });
  });

  it("is refused before anything is built where Node has no zstd", async ({ skip }) => {
    if (hasZstd) skip(`Node ${process.versions.node} has zstd`);
    const { code, stdout, stderr } = await tspack(person, ["build", ...args("never"), ...flag]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error TOOL_MISSING: /m);
    expect(stderr).toMatch(lacksZstd);
    expect(stdout).toBe("");
  });
});

function succeeded({ code, stdout, stderr }: Finished): void {
  expect(code, stdout + stderr).toBe(0);
}

interface Inspected {
  /** Without the first, which is the run image's. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly DiffId[];
}

async function inspect(image: string): Promise<Inspected> {
  const found = await registryStore({}).resolve(parseReference(image));
  if (found === undefined) throw new Error(`${image} is missing`);
  const { layers } = (await found.manifest()).value;
  return { layers: layers.slice(1), diffIds: (await found.config()).value.rootfs.diff_ids };
}

async function skopeo(from: string, to: string, ...flags: readonly string[]): Promise<void> {
  await run("skopeo", ["copy", "-q", "--insecure-policy", "--src-tls-verify=false", ...flags, from, to]);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
