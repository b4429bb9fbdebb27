import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Image } from "../../../lifecycle/oci/image.ts";
import { readSparseLayout, writeSparseLayout } from "../../../lifecycle/stores/layout/sparse.ts";
import { noise, testImage } from "../../fakes/images.ts";

let parent: string;
let image: Image;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "sparse-"));
  image = testImage({ layers: [noise(500, 1), noise(500, 2)] });
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

async function blobOf(index: number, directory: string): Promise<string> {
  const descriptor = await (await image.layers())[index]?.descriptor();
  return join(directory, "blobs/sha256", descriptor?.digest.slice("sha256:".length) ?? "");
}

async function content(index: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await image.layers())[index]?.compressed() ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a layout that lacks layers", () => {
  test("keeps manifest and config byte for byte, also when it is written twice", async () => {
    const directory = await writeSparseLayout(parent, image);
    expect(await writeSparseLayout(parent, image)).toBe(directory);
    const read = await readSparseLayout(directory);
    expect((await read?.image.manifest())?.digest).toBe((await image.manifest()).digest);
    expect((await read?.image.config())?.digest).toBe((await image.config()).digest);
  });

  test("says which layers it has; a link in the place of one does not count", async () => {
    const directory = await writeSparseLayout(parent, image);
    writeFileSync(join(parent, "elsewhere"), await content(0));
    symlinkSync(join(parent, "elsewhere"), await blobOf(0, directory));
    writeFileSync(await blobOf(1, directory), await content(1));
    expect((await readSparseLayout(directory))?.present).toEqual([false, true]);
  });

  test("is refused under the name of another digest", async () => {
    const directory = await writeSparseLayout(parent, image);
    const other = join(parent, `sha256:${"0".repeat(64)}`);
    renameSync(directory, other);
    await expect(readSparseLayout(other)).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });

  test("is undefined when the directory is no layout", async () => {
    expect(await readSparseLayout(join(parent, "none"))).toBeUndefined();
  });
});
