import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { unpackRootfs } from "../../lifecycle/platform/rootfs.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { openLeases } from "../../lifecycle/stores/leases.ts";
import type { BlobCache } from "../../lifecycle/stores/blob-cache.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { noise, tarOfNoise, testImage } from "../fakes/images.ts";

let line: CommandLine;
beforeEach(() => void (line = commandLine()));
afterEach(() => line.remove());

const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => new Date(),
  signal: new AbortController().signal,
};
const home = (path: string): string => join(line.directory, "home", path);
const day = 24 * 60 * 60;

function age(path: string, days: number): void {
  const time = Date.now() / 1000 - days * day;
  utimesSync(path, time, time);
}

/** A directory with a file of a thousand bytes that was used last some days ago. */
function kept(path: string, days: number, name?: string): void {
  mkdirSync(home(path), { recursive: true });
  writeFileSync(join(home(path), "file"), noise(1000, 1));
  if (name !== undefined) writeFileSync(join(home(path), "name"), name);
  age(join(home(path), "file"), days);
  age(home(path), days);
}

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly bytes: number;
}
const list = async (): Promise<readonly Item[]> =>
  JSON.parse(await line.succeed("cache", "list", "--json")) as readonly Item[];
const prune = async (...args: readonly string[]): Promise<readonly string[]> => {
  const { removed } = JSON.parse(await line.succeed("cache", "prune", "--json", ...args)) as {
    readonly removed: readonly Item[];
  };
  return removed.map(({ kind, name }) => `${kind} ${name}`).sort();
};

const blobs = (): Promise<BlobCache> => openBlobCache(home("cache/blobs"), { ctx });
const packed = async (seed: number, bytes = 5000): Promise<Layer> =>
  (await blobs()).pack(async (sink) => sink.write(noise(bytes, seed)));
async function fileOf(layer: Layer): Promise<string> {
  const file = await layer.blobFile?.();
  if (file === undefined) throw new Error("the blob is missing");
  return file;
}

test("list names what is kept, with sizes", async () => {
  expect(await line.succeed("cache", "list")).toBe("nothing is kept\n");
  kept("cache/builds/0123", 1, "reg.test/app:v1");
  kept("cache/downloads/node", 1);
  kept("data/rootfs-v1/4567", 1);
  expect((await list()).map(({ kind, name, bytes }) => `${kind} ${name} ${bytes}`).sort()).toEqual([
    "build reg.test/app:v1 1015",
    "downloads node 1000",
    "unpacked 4567 1000",
  ]);
  expect(await line.succeed("cache", "list")).toMatch(/build +1\.0 kB +24 h ago +reg\.test\/app:v1\n/);
});

test("prune removes what was not used for a month, or for as long as is said", async () => {
  kept("cache/builds/old", 31);
  kept("cache/builds/new", 29);
  kept("data/buildpacks-v1/old", 31);
  kept("cache/downloads/old", 31);
  kept("data/builds/build-x", 31);
  const all = ["build old", "downloads old", "unpacked old", "work build-x"];
  expect(await prune("--dry-run")).toEqual(all);
  expect(await prune("--only", "downloads", "--dry-run")).toEqual(["downloads old"]);
  expect(await prune()).toEqual(all);
  expect((await list()).map(({ name }) => name)).toEqual(["new"]);
  expect(await prune("--older-than", "4w")).toEqual(["build new"]);
  expect([readdirSync(home("cache/builds")), readdirSync(home("data/buildpacks-v1"))]).toEqual([[], []]);
});

test("prune leaves what a running tspack may be using", async () => {
  const leases = openLeases(home("data/users"));
  await leases.begin();
  const image = testImage({ layers: [tarOfNoise(500, 1)] });
  const root = await unpackRootfs(image, home("data/rootfs-v1"), "it", ctx);
  age(root, 40);
  // Used again by somebody, and another one by nobody.
  expect(await unpackRootfs(image, home("data/rootfs-v1"), "it", ctx)).toBe(root);
  kept("data/rootfs-v1/other", 1);
  kept("cache/downloads/debian", 1);
  kept("data/builds/build-x", 1);
  expect(await prune("--all")).toEqual(["unpacked other"]);
  expect(existsSync(root)).toBe(true);
  await leases.end();
  // A file was removed from it later: its own time is newer than those of what is left.
  age(home("cache/downloads/debian"), 0.5);
  expect(await prune("--all")).toEqual(["downloads debian", `unpacked ${basename(root)}`, "work build-x"]);
});

test("prune removes blobs by age and, longest unused first, by size", async () => {
  const layers = [await packed(1), await packed(2), await packed(3)];
  const files = await Promise.all(layers.map(fileOf));
  for (const [index, file] of files.entries()) age(file, 40 - index * 12);
  const there = (): readonly boolean[] => files.map((file) => existsSync(file));
  expect(await prune()).toEqual(["blobs 1 of them"]);
  expect(there()).toEqual([false, true, true]);
  expect(await prune("--max-blobs", "6kB", "--dry-run")).toEqual(["blobs 1 of them"]);
  expect(await prune("--max-blobs", "6kB")).toEqual(["blobs 1 of them"]);
  expect(there()).toEqual([false, false, true]);
  // What is gone is known to be gone, and made again.
  const [gone, , left] = layers;
  if (gone === undefined || left === undefined) throw new Error("no layer");
  expect(await (await blobs()).layer(gone.diffId)).toBeUndefined();
  expect(await (await blobs()).layer(left.diffId)).toBeDefined();
  expect(readdirSync(home("cache/blobs/v1/diff-ids/sha256"))).toHaveLength(1);
  await packed(1);
  expect(await (await blobs()).layer(gone.diffId)).toBeDefined();
});

test("a blob that is asked for counts as used", async () => {
  const layer = await packed(4);
  const path = await fileOf(layer);
  age(path, 40);
  await (await blobs()).layer(layer.diffId);
  expect(await prune()).toEqual([]);
  expect(existsSync(path)).toBe(true);
});

test("images stay whole when the blobs that they share are pruned", async () => {
  const layer = await packed(5);
  const base = testImage({ layers: [] });
  const image = { ...base, layers: () => Promise.resolve([layer]) };
  const { layers } = await line.local.write(image, [parseReference("app")]);
  expect(layers.map(({ outcome }) => outcome)).toEqual(["linked"]);
  const said = JSON.parse(await line.succeed("cache", "prune", "--all", "--only", "blobs", "--json")) as {
    readonly removed: readonly Item[];
  };
  // Nothing is free by that: the image has the same file.
  expect(said.removed.map(({ bytes }) => bytes)).toEqual([0]);
  expect(existsSync(home(`data/images/blobs/sha256/${layers[0]?.digest.slice(7)}`))).toBe(true);
});

test.each([
  [["--older-than", "a month"], "--older-than"],
  [["--max-blobs", "much"], "--max-blobs"],
  [["--all", "--older-than", "1d"], "--all"],
])("prune %j is refused", async (args, told) => {
  const { code, stderr } = await line.run("cache", "prune", ...args);
  expect([code, stderr]).toEqual([3, expect.stringContaining(told)]);
});
