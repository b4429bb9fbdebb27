import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cacheMetadataName, openVolumeCache } from "../../lifecycle/cache/volume.ts";
import type { CacheMetadata } from "../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { type Context, silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import type { ByteStream, Layer } from "../../lifecycle/oci/layer.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";

const ctx: Context = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
const layer = (content: string): Layer => memoryLayer(Buffer.from(content));
const [a, b] = [layer("layer a"), layer("layer b")];
let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tspack-cache-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Without the file of tars that need not be hashed again, which others ignore. */
const namesIn = (path: string): string[] => readdirSync(path).filter((name) => name !== "tspack-tars.v1.json");

describe("a volume cache", () => {
  test("is in the reference's layout, tars uncompressed, and nothing else is left", async () => {
    await commit([a, b]);
    expect(namesIn(dir)).toEqual(["committed"]);
    expect(readdirSync(join(dir, "committed")).sort()).toEqual(
      [cacheMetadataName, `${a.diffId}.tar`, `${b.diffId}.tar`].sort(),
    );
    expect(readFileSync(tarOf(a), "utf8")).toBe("layer a");
    expect(readFileSync(join(dir, "committed", cacheMetadataName), "utf8")).toBe(
      `{"sbom":{"sha":""},"buildpacks":[{"key":"x","version":"1","layers":{"l0":{"sha":"${a.diffId}","data":null,"build":false,"launch":false,"cache":true},"l1":{"sha":"${b.diffId}","data":null,"build":false,"launch":false,"cache":true}}}]}\n`,
    );
  });

  test("gives back what was committed", async () => {
    await commit([a]);
    const cache = await openVolumeCache(dir, ctx);
    expect(await cache.metadata()).toEqual(metadataOf([a]));
    const found = await cache.lookup(a.diffId);
    expect(found.kind === "hit" ? await text(found.layer.uncompressed()) : found.kind).toBe("layer a");
    expect((await cache.lookup(b.diffId)).kind).toBe("miss");
  });

  test("forgets what the next build does not stage, and does not read what it has", async () => {
    await commit([a, b]);
    const cache = await openVolumeCache(dir, ctx);
    await cache.stage({ ...a, uncompressed: refuseToRead });
    await cache.commit(metadataOf([a]));
    expect(readdirSync(join(dir, "committed")).sort()).toEqual([cacheMetadataName, `${a.diffId}.tar`].sort());
  });

  test("keeps a copy of a tar that was made while it was packed, without reading the layer", async () => {
    const cache = await openVolumeCache(dir, ctx);
    const copy = await cache.copy?.();
    for (const piece of ["lay", "er a"]) await copy?.write(Buffer.from(piece));
    await copy?.keep(a.diffId);
    await cache.stage({ ...a, uncompressed: refuseToRead });
    await cache.commit(metadataOf([a]));
    expect(readFileSync(tarOf(a), "utf8")).toBe("layer a");
    expect(namesIn(dir)).toEqual(["committed"]);
    const found = await (await openVolumeCache(dir, ctx)).lookup(a.diffId);
    expect(found.kind).toBe("hit");
  });

  test("leaves out copies that nobody stages, and nothing of a build that is given up", async () => {
    const cache = await openVolumeCache(dir, ctx);
    const copies = [await cache.copy?.(), await cache.copy?.(), await cache.copy?.()];
    for (const copy of copies) await copy?.write(Buffer.from("layer b"));
    await copies[0]?.keep(b.diffId);
    await copies[1]?.discard();
    await cache.stage(a);
    await cache.commit(metadataOf([a]));
    expect(readdirSync(join(dir, "committed")).sort()).toEqual([cacheMetadataName, `${a.diffId}.tar`].sort());
    const other = await openVolumeCache(dir, ctx);
    await (await other.copy?.())?.keep(b.diffId);
    await other.abandon?.();
    expect(namesIn(dir)).toEqual(["committed"]);
    await copies[2]?.discard();
  });

  test("a changed tar is corrupt, says both digests, and is replaced by the next commit", async () => {
    await commit([a]);
    writeFileSync(tarOf(a), "changed");
    const cache = await openVolumeCache(dir, ctx);
    const found = await cache.lookup(a.diffId);
    expect(found).toMatchObject({ kind: "corrupt", cause: { code: "DIGEST_MISMATCH" } });
    expect(found.kind === "corrupt" ? found.cause.message : "").toMatch(
      `expected layer contents to have SHA '${a.diffId}'; found 'sha256:`,
    );
    await cache.stage(a);
    await cache.commit(metadataOf([a]));
    expect(readFileSync(tarOf(a), "utf8")).toBe("layer a");
  });

  test("a tar that changes after it was looked at is corrupt, also when size and time are as before", async () => {
    await commit([a]);
    const cache = await openVolumeCache(dir, ctx);
    expect((await cache.lookup(a.diffId)).kind).toBe("hit");
    const { atime, mtime } = statSync(tarOf(a));
    writeFileSync(tarOf(a), "LAYER a");
    utimesSync(tarOf(a), atime, mtime);
    expect((await cache.lookup(a.diffId)).kind).toBe("corrupt");
  });

  test("a tar that nobody checked is handed out with its check where that is allowed, and not twice", async () => {
    await commit([a, b]);
    writeFileSync(tarOf(b), "changed");
    rmSync(join(dir, "tspack-tars.v1.json"), { force: true });
    const cache = await openVolumeCache(dir, ctx);
    const [good, bad] = [
      await cache.lookup(a.diffId, { unchecked: true }),
      await cache.lookup(b.diffId, { unchecked: true }),
    ];
    expect(good.kind === "hit" ? await good.check?.() : good.kind).toBeUndefined();
    expect(bad.kind === "hit" ? await bad.check?.() : bad.kind).toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await cache.lookup(a.diffId, { unchecked: true })).not.toHaveProperty("check");
    expect(await cache.lookup(b.diffId)).toMatchObject({ kind: "corrupt" });
  });

  test("staging without a commit leaves the last build's cache as it was", async () => {
    await commit([a]);
    const killed = await openVolumeCache(dir, ctx);
    await killed.stage(b);
    const after = await openVolumeCache(dir, ctx);
    expect(await after.metadata()).toEqual(metadataOf([a]));
    expect((await after.lookup(a.diffId)).kind).toBe("hit");
    expect((await after.lookup(b.diffId)).kind).toBe("miss");
  });

  test("a commit that was killed before its metadata leaves the last build's cache whole", async () => {
    await commit([a]);
    writeFileSync(tarOf(b), "layer b");
    const after = await openVolumeCache(dir, ctx);
    expect(await after.metadata()).toEqual(metadataOf([a]));
    expect((await after.lookup(a.diffId)).kind).toBe("hit");
  });

  test("finds the cache that the reference had put aside when it was killed", async () => {
    await commit([a]);
    const aside = mkdtempSync(join(tmpdir(), "tspack-cache-"));
    mkdirSync(join(aside, "committed-backup"));
    for (const name of readdirSync(join(dir, "committed"))) {
      writeFileSync(join(aside, "committed-backup", name), readFileSync(join(dir, "committed", name)));
    }
    const cache = await openVolumeCache(aside, ctx);
    expect(await cache.metadata()).toEqual(metadataOf([a]));
    rmSync(aside, { recursive: true });
  });

  test("metadata that is no JSON is warned about, and an empty cache", async () => {
    await commit([a]);
    writeFileSync(join(dir, "committed", cacheMetadataName), "{");
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
    expect(await (await openVolumeCache(dir, { ...ctx, logger })).metadata()).toEqual({ buildpacks: [] });
    expect(warnings).toEqual([expect.stringContaining("Ignoring the cache because its metadata cannot be read")]);
  });

  test("a layer whose content is not its DiffID's is not kept", async () => {
    const cache = await openVolumeCache(dir, ctx);
    await expect(cache.stage({ ...a, uncompressed: () => b.uncompressed() })).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
    await cache.commit({ buildpacks: [] });
    expect(readdirSync(join(dir, "committed"))).toEqual([cacheMetadataName]);
  });

  test("two builds at once each commit something that can be read", async () => {
    const [one, two] = [await openVolumeCache(dir, ctx), await openVolumeCache(dir, ctx)];
    await Promise.all([one.stage(a), two.stage(b)]);
    await one.commit(metadataOf([a]));
    await two.commit(metadataOf([b]));
    const after = await openVolumeCache(dir, ctx);
    expect(await after.metadata()).toEqual(metadataOf([b]));
    expect((await after.lookup(b.diffId)).kind).toBe("hit");
  });

  test("removes the staging directory of a build that was killed long ago, and no younger one", async () => {
    for (const name of ["staging-old", "staging-young"]) mkdirSync(join(dir, name));
    const old = new Date(Date.now() - 48 * 3600 * 1000);
    utimesSync(join(dir, "staging-old"), old, old);
    await commit([a]);
    expect(namesIn(dir).sort()).toEqual(["committed", "staging-young"]);
  });

  test("what is staged is private until it is committed", async () => {
    const cache = await openVolumeCache(dir, ctx);
    await cache.stage(a);
    const staging = readdirSync(dir).find((name) => name.startsWith("staging-")) ?? "";
    expect(statSync(join(dir, staging)).mode & 0o777).toBe(0o700);
  });
});

async function commit(layers: readonly Layer[]): Promise<void> {
  const cache = await openVolumeCache(dir, ctx);
  for (const one of layers) await cache.stage(one);
  await cache.commit(metadataOf(layers));
}

function metadataOf(layers: readonly Layer[]): CacheMetadata {
  const recorded = layers.map((one, index) => [
    `l${index}`,
    { sha: one.diffId, data: undefined, build: false, launch: false, cache: true },
  ]);
  return { buildpacks: [{ key: "x", version: "1", layers: Object.fromEntries(recorded) }] };
}

function tarOf(one: Layer): string {
  return join(dir, "committed", `${one.diffId}.tar`);
}

function refuseToRead(): never {
  throw new Error("read");
}

async function text(stream: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
