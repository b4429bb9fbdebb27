import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { placesFrom } from "../../../lifecycle/platform/places.ts";
import { boundBlobs } from "../../../lifecycle/platform/store/bound-blobs.ts";
import { boundDefaultBuilders } from "../../../lifecycle/platform/store/bound-rootfs.ts";
import { openLeases } from "../../../lifecycle/stores/leases.ts";

let home = "";
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), "tspack-bound-"))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const signal = new AbortController().signal;
const ctx = { logger: silentLogger, progress: silentProgress, clock: () => new Date(), signal };

function tools() {
  const places = placesFrom({ TSPACK_HOME: home });
  return { places, ctx, leases: openLeases(places.users) };
}

const there = (): readonly string[] =>
  readdirSync(tools().places.rootfs)
    .map((name) => name.slice(0, 1))
    .toSorted();

/** The unpacked tree of a builder that was used last some seconds ago. */
function rootfs(letter: string, secondsAgo: number): string {
  const path = join(tools().places.rootfs, letter.repeat(64));
  mkdirSync(join(path, "bin"), { recursive: true });
  const time = Date.now() / 1000 - secondsAgo;
  utimesSync(path, time, time);
  return path;
}

test("of the default builder's root file systems the last two stay, and those of other images", async () => {
  rootfs("f", 900);
  for (const [letter, secondsAgo] of [
    ["a", 400],
    ["b", 300],
    ["c", 200],
  ] as const)
    await boundDefaultBuilders(rootfs(letter, secondsAgo), tools());
  expect(there()).toEqual(["b", "c", "f"]);
  // One that is used again is the newest.
  await boundDefaultBuilders(rootfs("b", 100), tools());
  await boundDefaultBuilders(rootfs("d", 50), tools());
  expect(there()).toEqual(["b", "d", "f"]);
});

test("one that a running build may be using stays until that ends", async () => {
  const builds = tools().leases;
  await boundDefaultBuilders(rootfs("a", 400), tools());
  await builds.begin();
  const used = rootfs("a", -1);
  for (const letter of ["b", "c"]) await boundDefaultBuilders(rootfs(letter, 0), tools());
  expect(existsSync(used)).toBe(true);
  await builds.end();
  await boundDefaultBuilders(rootfs("c", 0), tools());
  expect(there()).toEqual(["b", "c"]);
});

test("builders that nobody used for a month go after a build; an application may still be running", async () => {
  const month = 30 * 24 * 60 * 60;
  for (const [letter, secondsAgo] of [
    ["a", month + 60],
    ["b", month - 60],
  ] as const) {
    const path = rootfs(letter, 0);
    mkdirSync(join(path, "cnb"));
    writeFileSync(join(path, "cnb/order.toml"), "");
    rootfs(letter, secondsAgo);
  }
  rootfs("c", month + 60);
  await boundBlobs(tools());
  expect(there()).toEqual(["b", "c"]);
});

test("a place that can not be written fails nothing", async () => {
  const places = { ...tools().places, rootfs: "/dev/null/rootfs" };
  await expect(boundDefaultBuilders("/dev/null/rootfs/a", { ...tools(), places })).resolves.toBeUndefined();
});
