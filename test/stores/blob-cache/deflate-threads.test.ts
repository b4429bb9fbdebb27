import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deflateForEsbuild } from "../../../lifecycle/distribution/deflate-module.mjs";
import { GZIP_BLOCK } from "../../../lifecycle/oci/deflater.ts";
import { GzipWriter } from "../../../lifecycle/oci/gzip.ts";
import { DeflateThreads } from "../../../lifecycle/stores/blob-cache/deflate-threads.ts";

let folder = "";
let program: URL;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tspack-deflate-"));
  const outfile = join(folder, "deflate-worker.mjs");
  const entry = join(import.meta.dirname, "../../../lifecycle/stores/blob-cache/deflate-worker.ts");
  const plugins = [deflateForEsbuild];
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", plugins });
  program = pathToFileURL(outfile);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program for threads, of these lines. */
function threadOf(name: string, lines: string): URL {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, lines);
  return pathToFileURL(file);
}

/** 7.5 MiB that compress to a half. */
const bytes = Buffer.concat(
  Array.from({ length: 200_000 }, (_, index) =>
    Buffer.from(
      createHash("sha1")
        .update(`${index % 90_000}`)
        .digest("hex"),
    ),
  ),
).subarray(0, 7.5 * GZIP_BLOCK);

async function gzip(deflater?: DeflateThreads, level?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const writer = new GzipWriter((part) => void parts.push(Buffer.from(part)), { deflater, level });
  for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
  await writer.finish();
  return Buffer.concat(parts);
}

// A machine with one processor has no threads: the tests of what they do would say nothing.
describe.skipIf(availableParallelism() < 2)("compression in threads", () => {
  it.each([1, 2, 3])("gives the bytes that it gives without threads, at level %i", async (level) => {
    const alone = await gzip(undefined, level);
    expect(gunzipSync(alone).equals(bytes)).toBe(true);
    expect((await gzip(new DeflateThreads({ program }), level)).equals(alone)).toBe(true);
  });

  it("is used by many layers at a time, which get their own bytes", async () => {
    const alone = await gzip();
    const deflater = new DeflateThreads({ program });
    const all = await Promise.all(Array.from({ length: 6 }, () => gzip(deflater)));
    for (const one of all) expect(one.equals(alone)).toBe(true);
  });

  it.each([
    ["ends at once", "process.exit(3);"],
    ["fails before it answers", 'throw new Error("out of memory");'],
    [
      "ends with blocks that it has not answered",
      'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(0));',
    ],
  ])("does in its own thread what is left by one that %s", async (name, lines) => {
    const deflater = new DeflateThreads({ program: threadOf(name.replaceAll(" ", "-"), lines) });
    expect((await gzip(deflater)).equals(await gzip())).toBe(true);
  });

  it("starts no thread for a few blocks", async () => {
    let compiled = 0;
    const optimize = <T>(compile: () => T): T => {
      compiled += 1;
      return compile();
    };
    const deflater = new DeflateThreads({ program, optimize });
    const writer = new GzipWriter(() => {}, { deflater });
    await writer.write(bytes.subarray(0, 2 * GZIP_BLOCK));
    await writer.finish();
    expect(compiled).toBe(0);
    await gzip(deflater);
    expect(compiled).toBe(1);
  });

  it("leaves zlib's levels to zlib", async () => {
    const never = threadOf("never", 'throw new Error("must not be started");');
    expect((await gzip(new DeflateThreads({ program: never }), 6)).equals(await gzip(undefined, 6))).toBe(true);
  });
});
