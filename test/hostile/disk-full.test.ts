import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { parseDiffId } from "../../lifecycle/oci/digest.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { noise, testImage } from "../fakes/images.ts";
import { tarOf } from "../layers/tar-of.ts";
import { codeOf } from "./bounds.ts";
import { cacheMetadataOf, context, layersOf } from "./commit-sets.ts";

const isRoot = process.getuid?.() === 0;

/** From nothing free to nearly enough, so that each of the writes is the one that fails. In KiB. */
const frees = [0, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 320];

describe.skipIf(!isRoot && process.env["CI"] === undefined)(`a full disk${isRoot ? "" : " (needs root)"}`, () => {
  let mount = "";
  let directory = "";
  let count = 0;
  beforeAll(() => {
    mount = mkdtempSync(join(tmpdir(), "tspack-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", mount]);
  });
  afterAll(() => {
    execFileSync("umount", ["-l", mount]);
    rmSync(mount, { recursive: true, force: true });
  });
  beforeEach(() => {
    rmSync(directory, { recursive: true, force: true });
    directory = join(mount, `test-${(count += 1)}`);
    mkdirSync(directory);
  });

  /** Runs with that many KiB free, and gives the space back. */
  async function withFree(kibibytes: number, action: () => unknown): Promise<string> {
    const filler = join(mount, "filler");
    const { bavail, bsize } = statfsSync(mount);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - kibibytes * 1024)));
    try {
      return await codeOf(action);
    } finally {
      rmSync(filler);
    }
  }

  /** Every failure is `DISK_FULL`; there was one, and with enough space there is none. */
  async function expectDiskFull(action: () => unknown, check: () => Promise<void>): Promise<void> {
    const codes = new Set<string>();
    for (const free of frees) {
      codes.add(await withFree(free, action));
      await check();
    }
    expect([...codes].filter((code) => code !== "none")).toEqual(["DISK_FULL"]);
    expect(await codeOf(action)).toBe("none");
  }

  const filesBelow = (): readonly string[] => readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();

  test("while a cache is staged or committed leaves one whose layers are all there, and nothing else", async () => {
    let set = 0;
    await expectDiskFull(
      async () => {
        set += 1;
        await commitWhatFits(set);
      },
      async () => {
        const cache = await openVolumeCache(directory, context);
        const named = (await cache.metadata()).buildpacks.flatMap(({ layers }) => Object.values(layers));
        for (const { sha } of named) expect((await cache.lookup(parseDiffId(sha))).kind).toBe("hit");
        expect(filesBelow().filter((name) => name.startsWith("staging-"))).toEqual([]);
      },
    );
  });

  /** As the exporter does it: a layer that cannot be kept is left out. Throws the first failure. */
  async function commitWhatFits(set: number): Promise<void> {
    const cache = await openVolumeCache(directory, context);
    const failures: unknown[] = [];
    const kept: string[] = [];
    for (const layer of layersOf(set)) {
      await cache.stage(layer).then(
        () => kept.push(layer.diffId),
        (error: unknown) => failures.push(error),
      );
    }
    const all = cacheMetadataOf(set).buildpacks[0];
    const layers = Object.entries(all?.layers ?? {}).filter(([, { sha }]) => kept.includes(sha));
    await cache.commit({ buildpacks: [{ key: "a/b", version: "1", layers: Object.fromEntries(layers) }] });
    if (failures.length > 0) throw failures[0];
  }

  test("while an image is written leaves the old one, and nothing half-written", async () => {
    const ref = parseReference("full/app:v1");
    const imageOf = (set: number): Image => testImage({ layers: [noise(90_000, set), noise(90_000, 500 + set)] });
    let set = 0;
    await layoutStore(directory).write(imageOf(set), [ref], { ctx: context });
    await expectDiskFull(
      async () => {
        set += 1;
        await layoutStore(directory).write(imageOf(set), [ref], { ctx: context });
      },
      async () => {
        const image = await layoutStore(directory).resolve(ref);
        if (image === undefined) throw new Error("the image is gone");
        await validate(image);
        expect(filesBelow().filter((name) => /tmp|lock/.test(name))).toEqual([]);
      },
    );
  });

  test("while a layer is packed keeps nothing of it", async () => {
    let set = 0;
    await expectDiskFull(
      async () => {
        set += 1;
        const cache = await openBlobCache(directory, { ctx: context });
        await cache.pack(async (sink) => sink.write(noise(200_000, set)));
      },
      async () => {
        expect(filesBelow().filter((name) => /tmp\/./.test(name))).toEqual([]);
        const cache = await openBlobCache(directory, { ctx: context });
        const { diffId } = memoryLayer(noise(200_000, set));
        for await (const _ of (await cache.layer(diffId))?.uncompressed() ?? []) void _;
      },
    );
  });

  test("while a layer is restored is told as the system tells it, which phases call DISK_FULL", async () => {
    const entries = [
      { name: "a", text: "x".repeat(100_000) },
      { name: "b", text: "x".repeat(100_000) },
    ];
    const restore = (): Promise<void> => extractTar(tarOf(...entries), directory, { mode: "restore" });
    await expect(withFree(150, restore)).rejects.toMatchObject({ code: "ENOSPC" });
  });
});
