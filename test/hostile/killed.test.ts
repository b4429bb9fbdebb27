import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { deflateForEsbuild } from "../../lifecycle/distribution/deflate-module.mjs";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { randomOf } from "../fuzz/random.ts";
import { within } from "./bounds.ts";
import { cacheMetadataOf, context, imageOf, layersOf, tarOfSet } from "./commit-sets.ts";

// A process that writes without pause is killed at moments that differ by a fraction of a
// millisecond: what it wrote last has to be whole, and the next one has to be able to go on.
const kills = 25;
let folder = "";
let program = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tspack-killed-"));
  program = join(folder, "loop.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "commit-loop.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    plugins: [deflateForEsbuild],
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Kills writers again and again; `check` gets the number of writes that had ended for certain, at least one. */
async function killOften(kind: string, check: (directory: string, written: number) => Promise<void>): Promise<void> {
  const directory = join(folder, kind);
  const random = randomOf(1, kinds.indexOf(kind));
  for (let kill = 0; kill < kills; kill += 1) {
    const child = spawn(process.execPath, [program, kind, directory], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    // Nothing that the killed one left makes the next one wait.
    await within(
      15_000,
      () =>
        new Promise<void>((resolve, reject) => {
          child.once("exit", () => reject(new Error(`the writer of ${kind} ended by itself`)));
          child.stdout.on("data", (chunk: Buffer) => {
            said += chunk.toString();
            resolve();
          });
        }),
    );
    await sleep(random.below(30));
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await gone;
    await check(directory, said.trimEnd().split("\n").length);
  }
}

const kinds = ["volume", "layout", "blobs"];

describe("kill -9 at any moment", () => {
  test("leaves a volume cache whose metadata is of one commit and names whole layers", async () => {
    const seen = new Set<string>();
    await killOften("volume", async (directory) => {
      const cache = await openVolumeCache(directory, context);
      const metadata = await cache.metadata();
      const set = Number(metadata.buildpacks[0]?.version);
      seen.add(String(set));
      expect(metadata).toEqual(cacheMetadataOf(set));
      for (const { diffId } of layersOf(set)) expect((await cache.lookup(diffId)).kind).toBe("hit");
    });
    expect(seen.size).toBeGreaterThan(1);
    // What was staged is left for a day, and is nobody's cache; beside it is what we remember of the tars.
    const names = readdirSync(join(folder, "volume")).filter((name) => !/^staging-|^tspack-tars/.test(name));
    expect(names).toEqual(["committed"]);
  });

  test("leaves an image store with the old image or the new one", async () => {
    await killOften("layout", async (directory, written) => {
      const image = await layoutStore(directory).resolve(parseReference("killed/app:v1"));
      if (image === undefined) throw new Error("the image is gone");
      await validate(image);
      const set = Number((await image.config()).value.config?.Labels?.["set"]);
      expect([written - 1, written]).toContain(set);
      expect((await image.manifest()).digest).toBe((await imageOf(set).manifest()).digest);
    });
  });

  test("leaves a blob cache that has what it says", async () => {
    await killOften("blobs", async (directory, written) => {
      const cache = await openBlobCache(directory, { ctx: context });
      for (let set = 0; set < Math.min(7, written); set += 1) {
        const [, own] = layersOf(set);
        const layer = own === undefined ? undefined : await cache.layer(own.diffId);
        const parts: Uint8Array[] = [];
        for await (const chunk of layer?.uncompressed() ?? []) parts.push(chunk);
        expect(Buffer.concat(parts).equals(tarOfSet(set))).toBe(true);
      }
    });
  });
});
