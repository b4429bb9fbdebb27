import { existsSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { placesFrom } from "../../../lifecycle/platform/places.ts";
import { boundBlobs } from "../../../lifecycle/platform/store/bound-blobs.ts";
import { openBlobCache } from "../../../lifecycle/stores/blob-cache/open.ts";
import { openLeases } from "../../../lifecycle/stores/leases.ts";
import { noise } from "../../fakes/images.ts";

let home = "";
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), "tspack-bound-"))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const day = 24 * 60 * 60;
const signal = new AbortController().signal;
const ctx = { logger: silentLogger, progress: silentProgress, clock: () => new Date(), signal };

function tools() {
  const places = placesFrom({ TSPACK_HOME: home });
  return { places, ctx, leases: openLeases(places.users) };
}

/** A compressed layer that was used last some days ago. */
async function blob(seed: number, days: number): Promise<string> {
  const blobs = await openBlobCache(tools().places.blobs, { ctx });
  const file = await (await blobs.pack(async (sink) => sink.write(noise(2000, seed)))).blobFile?.();
  if (file === undefined) throw new Error("the blob is missing");
  const time = Date.now() / 1000 - days * day;
  utimesSync(file, time, time);
  return file;
}

test("layers that nobody used for a month go after a build, looked for once a day", async () => {
  const [old, young] = [await blob(1, 31), await blob(2, 29)];
  await boundBlobs(tools());
  expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  const next = await blob(3, 31);
  await boundBlobs(tools());
  expect(existsSync(next)).toBe(true);
  const yesterday = Date.now() / 1000 - day - 60;
  utimesSync(join(home, "cache/blobs-pruned"), yesterday, yesterday);
  await boundBlobs(tools());
  expect(existsSync(next)).toBe(false);
});

test("what a running build may be using stays, however old it is", async () => {
  const old = await blob(1, 31);
  const { leases } = tools();
  await leases.begin();
  const now = Date.now() / 1000 + 1;
  utimesSync(old, now, now);
  await boundBlobs({ ...tools(), ctx: { ...ctx, clock: () => new Date(Date.now() + 32 * day * 1000) } });
  expect(existsSync(old)).toBe(true);
  await leases.end();
});

test("a cache that can not be read fails nothing", async () => {
  const places = { ...tools().places, blobs: "/dev/null/blobs" };
  await expect(boundBlobs({ ...tools(), places })).resolves.toBeUndefined();
});
