import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diskEntry } from "../../lifecycle/layers/disk-entry.ts";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { packAppSlices } from "../../lifecycle/layers/pack-app-slices.ts";
import { packDirectory, walk, walkByPath } from "../../lifecycle/layers/pack-directory.ts";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import type { Place } from "../../lifecycle/layers/place.ts";
import type { Layer } from "../../lifecycle/oci/layer.ts";
import { byteString, textOf } from "../../lifecycle/oci/tar/byte-string.ts";
import { readTar } from "../../lifecycle/oci/tar/unpack.ts";
import type { BlobCache, ByteSink } from "../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";

let root = "";
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "tspack-pack-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const owner = { uid: 1001, gid: 1002 };
const blobs = memoryBlobCache(1);
const place = (): Place => ({ path: root, name: "/layers/bp/layer", parents: { uid: 5, gid: 6, mode: 0o750 } });

async function listing(layer: Layer): Promise<string[]> {
  const lines: string[] = [];
  for await (const { header } of readTar(layer.uncompressed())) {
    const link = header.linkname?.length ? ` -> ${textOf(byteString(header.linkname))}` : "";
    const { type, mode, uid, gid } = header;
    lines.push(`${textOf(byteString(header.name))}${link} ${type} ${mode.toString(8)} ${uid}:${gid}`);
  }
  return lines;
}

async function collect(layer: Layer): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of layer.uncompressed()) parts.push(part);
  return Buffer.concat(parts);
}

describe("packing a directory", () => {
  it("gives the parents what the platform says, and the rest the owner", async () => {
    chmodSync(root, 0o700);
    mkdirSync(join(root, "sub"), { mode: 0o755 });
    writeFileSync(join(root, "sub/f"), "x", { mode: 0o640 });
    symlinkSync("sub", join(root, "link"));
    expect(await listing(await packDirectory(place(), { owner }, blobs))).toEqual([
      "/layers dir 750 5:6",
      "/layers/bp dir 750 5:6",
      "/layers/bp/layer dir 700 1001:1002",
      "/layers/bp/layer/link -> sub symlink 777 1001:1002",
      "/layers/bp/layer/sub dir 755 1001:1002",
      "/layers/bp/layer/sub/f file 640 1001:1002",
    ]);
  });

  it("gives the parents what they are on disk, links followed, when nothing else is said", async () => {
    mkdirSync(join(root, "layers/real/layer"), { recursive: true });
    chmodSync(join(root, "layers"), 0o711);
    chmodSync(join(root, "layers/real"), 0o751);
    symlinkSync("real", join(root, "layers/bp"));
    const layer = await packDirectory(
      { path: join(root, "layers/bp/layer"), name: "/layers/bp/layer" },
      { owner },
      blobs,
    );
    const { uid, gid } = statSync(root);
    expect((await listing(layer)).slice(0, 2)).toEqual([
      `/layers dir 711 ${uid}:${gid}`,
      `/layers/bp dir 751 ${uid}:${gid}`,
    ]);
  });

  it("gives the application directory the mode that the platform says", async () => {
    chmodSync(root, 0o700);
    const app = { path: root, name: "/workspace", parents: { uid: 0, gid: 0, mode: 0o755 } };
    const [only] = await packAppSlices(app, [], { owner }, blobs);
    expect(await listing(only?.layer as Layer)).toEqual(["/workspace dir 755 1001:1002"]);
  });

  it("is the same layer wherever the directory is", async () => {
    writeFileSync(join(root, "f"), "x");
    const first = await packDirectory(place(), { owner }, blobs);
    const copy = `${root}-copy`;
    try {
      execFileSync("cp", ["-a", root, copy]);
      expect((await packDirectory({ ...place(), path: copy }, { owner }, blobs)).diffId).toBe(first.diffId);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it("is unpacked by GNU tar, file by file, small, large and at the edges of the buffer", async () => {
    const sizes = [0, 1, 511, 512, 513, 1 << 20, (1 << 20) - 512, (1 << 20) + 1, 2_500_000, 7];
    const pattern = Buffer.from(Array.from({ length: 251 }, (_, index) => (index * 31) % 251));
    const fill = (size: number) => Buffer.alloc(size, pattern);
    for (const [index, size] of sizes.entries()) writeFileSync(join(root, `f${index}`), fill(size));
    linkSync(join(root, "f9"), join(root, "hard"));
    const tar = await collect(await packDirectory({ ...place(), name: "/out" }, { owner }, blobs));
    const copy = mkdtempSync(join(tmpdir(), "tspack-gnu-"));
    try {
      execFileSync("tar", ["-xf", "-", "-C", copy], { input: tar, stdio: ["pipe", "ignore", "ignore"] });
      for (const [index, size] of sizes.entries()) {
        expect(readFileSync(join(copy, `out/f${index}`)).equals(fill(size)), `${size}`).toBe(true);
      }
      expect(readFileSync(join(copy, "out/hard")).equals(fill(7))).toBe(true);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it("comes back the same when it is restored", async () => {
    mkdirSync(join(root, "d"), { mode: 0o710 });
    writeFileSync(join(root, "d/f"), "content", { mode: 0o604 });
    symlinkSync("nowhere", join(root, "d/l"));
    const layer = await packDirectory(place(), { owner }, blobs);
    const copy = mkdtempSync(join(tmpdir(), "tspack-copy-"));
    try {
      await extractTar(layer.uncompressed(), { path: copy, name: "/layers" }, { mode: "restore" });
      const again = await packDirectory({ ...place(), path: join(copy, "bp/layer") }, { owner }, blobs);
      expect(again.diffId).toBe(layer.diffId);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it.each([
    ["grows", (path: string) => appendFileSync(path, "more")],
    ["shrinks", (path: string) => truncateSync(path, 100)],
  ])("fails when a file %s while it is read", async (_, change) => {
    const path = join(root, "z");
    writeFileSync(path, Buffer.alloc(2_000_000));
    const large = packDirectory(
      place(),
      { owner },
      changingCache(() => change(path)),
    );
    await expect(large).rejects.toMatchObject({ code: "EXPORT_FAILED" });
    // The slices look at all files first; a file of this size makes the writer hand over its buffer before it reads "z".
    writeFileSync(path, Buffer.alloc(5000));
    writeFileSync(join(root, "a"), Buffer.alloc(1 << 20));
    const small = packAppSlices(
      place(),
      [{ paths: ["none"] }],
      { owner },
      changingCache(() => change(path)),
    );
    await expect(small).rejects.toMatchObject({ code: "EXPORT_FAILED" });
  });

  it("fails with the path when a file cannot be read, or is not there", async () => {
    const missing = packDirectory({ path: join(root, "none"), name: "/none" }, { owner }, blobs);
    await expect(missing).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: expect.stringContaining("none") as string,
    });
    if (process.getuid?.() === 0) return;
    writeFileSync(join(root, "closed"), "x", { mode: 0 });
    await expect(packDirectory(place(), { owner }, blobs)).rejects.toMatchObject({ code: "EXPORT_FAILED" });
  });

  it("stops when the build is cancelled", async () => {
    writeFileSync(join(root, "f"), Buffer.alloc(3_000_000));
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(packDirectory(place(), { owner, signal }, blobs)).rejects.toThrow("stop");
  });

  it("needs no more memory for a larger file", async () => {
    const path = join(root, "large");
    writeFileSync(path, "");
    truncateSync(path, 100 << 20);
    let longest = 0;
    let total = 0;
    const counting = countingCache((bytes) => {
      longest = Math.max(longest, bytes.length);
      total += bytes.length;
    });
    await packDirectory(place(), { owner }, counting);
    expect(total).toBeGreaterThan(statSync(path).size);
    expect(longest).toBeLessThanOrEqual(1 << 20);
  });
});

describe("packing entries", () => {
  it("takes contents from memory and from files, in the order given", async () => {
    writeFileSync(join(root, "source"), "from a file");
    symlinkSync("source", join(root, "link"));
    const common = { uid: 0, gid: 0, mode: 0o755 };
    const layer = await packEntries(
      [
        { ...common, name: "/z", type: "dir" },
        { ...common, name: "/z/text", type: "file", content: "from memory" },
        { ...common, name: "/a", type: "file", path: join(root, "link") },
        { ...common, name: "/b", type: "hardlink", linkname: "/a" },
      ],
      blobs,
    );
    expect(await listing(layer)).toEqual([
      "/z dir 755 0:0",
      "/z/text file 755 0:0",
      "/a file 755 0:0",
      "/b -> /a hardlink 755 0:0",
    ]);
    expect(execFileSync("tar", ["-xPOf", "-"], { input: await collect(layer) }).toString()).toContain("from a file");
  });

  it("of nothing is the empty tar that every tool knows", async () => {
    const empty = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    expect((await packEntries([], blobs)).diffId).toBe(empty);
  });
});

/** A cache that only watches what is packed into it. */
function countingCache(seen: (bytes: Uint8Array) => void): BlobCache {
  const watching = (sink: ByteSink): ByteSink => ({
    write: (bytes) => {
      seen(bytes);
      return sink.write(bytes);
    },
  });
  return { ...memoryBlobCache(), pack: (produce) => memoryBlobCache(1).pack((sink) => produce(watching(sink))) };
}

function changingCache(change: () => void): BlobCache {
  let done = false;
  return countingCache(() => {
    if (!done) change();
    done = true;
  });
}

describe("a walk in the order of whole paths", () => {
  it("is the sorted list of all that another walk finds", () => {
    const name = fc.stringMatching(/^[a+./0-]{1,3}$/).map((text) => text.replaceAll("/", "x"));
    const paths = fc.array(
      fc.array(
        name.filter((text) => !/^\.+$/.test(text)),
        { minLength: 1, maxLength: 4 },
      ),
      {
        maxLength: 14,
      },
    );
    fc.assert(
      fc.property(paths, (some) => {
        const tree = mkdtempSync(join(root, "tree-"));
        try {
          for (const parts of some) mkdirSync(join(tree, ...parts), { recursive: true });
          const top = diskEntry(byteString(tree), byteString("/app"));
          const names = (entries: Iterable<{ readonly name: string }>): readonly string[] =>
            Array.from(entries, (entry) => entry.name);
          expect(names(walkByPath(top))).toEqual(names(walk(top)).toSorted());
        } finally {
          rmSync(tree, { recursive: true });
        }
      }),
      { numRuns: 60 },
    );
  });
});
