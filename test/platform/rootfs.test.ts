import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { unpackRootfs } from "../../lifecycle/platform/rootfs.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rootfs-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};

test("an image whose config names the layers of another is refused: the other would get its files", async () => {
  const honest = testImage({ layers: [tarOfNoise(6000, 1)] });
  const [named] = await honest.layers();
  const [content] = await testImage({ layers: [tarOfNoise(6000, 2)] }).layers();
  if (named === undefined || content === undefined) throw new Error("both have a layer");
  const liar = { ...honest, layers: () => Promise.resolve([{ ...content, diffId: named.diffId }]) };
  await expect(unpackRootfs(liar, directory, "liar", ctx)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(readdirSync(directory)).toEqual([]);
  const rootfs = await unpackRootfs(honest, directory, "honest", ctx);
  expect(existsSync(rootfs)).toBe(true);
});

test("bytes behind the end of a layer's archive count, as DiffIDs have them", async () => {
  const padded = Buffer.concat([tarOfNoise(600, 1), Buffer.alloc(300_000)]);
  const rootfs = await unpackRootfs(testImage({ layers: [padded] }), directory, "padded", ctx);
  expect(readdirSync(rootfs)).not.toEqual([]);
});
