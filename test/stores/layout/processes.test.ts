import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { openLeases } from "../../../lifecycle/stores/leases.ts";
import { noise, testImage } from "../../fakes/images.ts";

const run = promisify(execFile);
let folder = "";
let worker = "";
let directory = "";
let users = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tspack-store-"));
  worker = join(folder, "worker.mjs");
  const entry = join(import.meta.dirname, "store-worker.ts");
  await build({ entryPoints: [entry], outfile: worker, bundle: true, platform: "node", format: "esm" });
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  const own = await mkdtemp(join(folder, "store-"));
  [directory, users] = [join(own, "images"), join(own, "users")];
});

const blobs = (): Promise<readonly string[]> => readdir(join(directory, "blobs/sha256"));
const app = parseReference("app");

test("processes that write, read and collect at the same time lose nothing", async () => {
  const roles = ["write", "write", "read", "read", "prune"];
  const results = await Promise.all(
    roles.map(async (role, index) => {
      const { stdout } = await run(process.execPath, [worker, directory, users, role, String(index), "1.5"]);
      return JSON.parse(stdout) as { readonly rounds: number; readonly read: number; readonly removed: number };
    }),
  );
  const sum = (name: "read" | "removed"): number => results.reduce((all, counts) => all + counts[name], 0);
  expect(sum("read")).toBeGreaterThan(5);
  expect(sum("removed")).toBeGreaterThan(5);
  const store = layoutStore(directory);
  for (const { ref } of await store.list()) {
    const image = await store.resolve(ref);
    if (image === undefined) throw new Error(`${ref.original} is gone`);
    await validate(image);
  }
  expect(await readdir(users)).toEqual([]);
}, 30_000);

test("what somebody found before it lost its name stays until they are done", async () => {
  const store = layoutStore(directory, { leases: openLeases(users) });
  await layoutStore(directory).write(testImage({ layers: [noise(5000, 1)] }), [app]);
  const leases = openLeases(users);
  const image = await layoutStore(directory, { leases }).resolve(app);
  if (image === undefined) throw new Error("the image is missing");
  await store.delete(app);
  expect(await store.prune({ grace: 0 })).toEqual({ blobs: 0, bytes: 0 });
  await validate(image);
  await leases.end();
  const dry = await store.prune({ grace: 0, dryRun: true });
  expect(dry.bytes).toBeGreaterThan(5000);
  expect(await blobs()).toHaveLength(3);
  expect(await store.prune({ grace: 0 })).toEqual(dry);
  expect([dry.blobs, await blobs()]).toEqual([3, []]);
});

test("a lease of a process that has ended counts for nothing, one of another machine does", async () => {
  const child = spawn("true");
  await new Promise((resolve) => child.once("exit", resolve));
  const leases = openLeases(users);
  await leases.begin();
  await leases.end();
  await writeFile(join(users, `${child.pid}.aa@${hostname()}`), "");
  expect(await leases.earliest()).toBe(Infinity);
  expect(await readdir(users)).toEqual([]);
  await writeFile(join(users, "1.aa@elsewhere"), "");
  expect(await leases.earliest()).toBeLessThanOrEqual(Date.now());
});

test("leases of processes that are gone do not pile up", async () => {
  const gone = `999999999.aabbccddeeff@${hostname()}`;
  const other = "999999999.aabbccddeeff@another.test";
  const leases = openLeases(users);
  await openLeases(users).begin();
  for (const name of [gone, other]) await writeFile(join(users, name), "");
  await leases.begin();
  const names = await readdir(users);
  expect(names).toHaveLength(3);
  expect(names).toContain(other);
});
