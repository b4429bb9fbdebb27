import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { extractTar } from "../../lifecycle/layers/extract-tar.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { encodeHeader } from "../../lifecycle/oci/tar/header.ts";
import { readTar } from "../../lifecycle/oci/tar/unpack.ts";
import { noLayersMetadata } from "../../lifecycle/phases/no-layers-metadata.ts";
import { restore } from "../../lifecycle/phases/restore.ts";
import { removeTree } from "../../lifecycle/platform/rootfs.ts";
import { tarOf, type TestEntry } from "../layers/tar-of.ts";
import { codeOf, growthOf, within } from "./bounds.ts";
import { context } from "./commit-sets.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tspack-archive-"));
  mkdirSync(join(root, "in"));
  writeFileSync(join(root, "precious"), "untouched");
});
afterEach(() => removeTree(root));

async function* bytes(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < size; at += chunk.length) yield chunk.subarray(0, Math.min(chunk.length, size - at));
}

/** A header whose size field is these twelve bytes, with the right checksum. */
function headerWithSize(field: Buffer): Buffer {
  const header = Buffer.from(encodeHeader({ name: "f", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0 }));
  field.copy(header, 124);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

const read = async (tar: AsyncGenerator<Uint8Array>): Promise<number> => {
  let entries = 0;
  for await (const _ of readTar(tar)) entries += 1;
  return entries;
};

describe("a tar", () => {
  test.each([
    ["8 EiB", Buffer.from("800000007fffffffffffffff", "hex")],
    ["a negative number", Buffer.from("ffffffffffffffffffffffff", "hex")],
    ["text", Buffer.from("many bytes\0\0")],
    ["64 GiB less one, and ends", Buffer.from("77777777777\0")],
  ])("whose entry is of %s is INVALID_TAR", async (_, field) => {
    expect(await within(2000, () => codeOf(() => read(bytes(headerWithSize(field)))))).toBe("INVALID_TAR");
  });

  test("of 4 GiB of zeros is empty, and takes no memory", async () => {
    let entries = -1;
    const growth = await growthOf(async () => {
      entries = await read(zeros(4 * 1024 ** 3));
    });
    expect(entries).toBe(0);
    expect(growth).toBeLessThan(100);
  });

  test("of 100,000 entries is read in little memory", async () => {
    const header = encodeHeader({ name: "d", type: "dir", mode: 0o755, uid: 0, gid: 0, size: 0 });
    const block = Buffer.concat(Array.from({ length: 1000 }, () => header));
    const parts = Array.from({ length: 100 }, () => block);
    let entries = 0;
    const growth = await growthOf(async () => {
      entries = await within(20_000, () => read(bytes(...parts, Buffer.alloc(1024))));
    });
    expect(entries).toBe(100_000);
    expect(growth).toBeLessThan(150);
  });

  test("of a million extended headers, each for the next, is read in little memory", async () => {
    const record = Buffer.alloc(512);
    record.write("12 path=ab\n\0");
    const pax = headerWithSize(Buffer.from("00000000013\0"));
    pax.write("x", 156, "latin1");
    pax.fill(0x20, 148, 156);
    pax.write(
      `${pax
        .reduce((total, byte) => total + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
      "latin1",
    );
    const block = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.concat([pax, record])));
    const growth = await growthOf(() => codeOf(() => read(bytes(...Array.from({ length: 100 }, () => block)))));
    expect(growth).toBeLessThan(150);
  });
});

const tricks: readonly (readonly [string, readonly TestEntry[]])[] = [
  [
    "a file twice",
    [
      { name: "a", text: "1" },
      { name: "a", text: "2" },
    ],
  ],
  [
    "a directory over a file",
    [
      { name: "a", text: "1" },
      { name: "a", type: "dir" },
    ],
  ],
  [
    "a file over a directory",
    [
      { name: "a/b", text: "1" },
      { name: "a", text: "2" },
    ],
  ],
  [
    "a file below a file",
    [
      { name: "a", text: "1" },
      { name: "a/b", text: "2" },
    ],
  ],
  [
    "a link over a directory",
    [
      { name: "a/b", text: "1" },
      { name: "a", type: "symlink", linkname: ".." },
      { name: "a/precious", text: "2" },
    ],
  ],
  [
    "a link to itself",
    [
      { name: "a", type: "symlink", linkname: "a" },
      { name: "a/b", text: "2" },
    ],
  ],
  [
    "a hard link to a link out of it",
    [
      { name: "l", type: "symlink", linkname: "../precious" },
      { name: "h", type: "hardlink", linkname: "l" },
      { name: "h", text: "2" },
    ],
  ],
  [
    "a hard link to /etc/passwd",
    [
      { name: "h", type: "hardlink", linkname: "/etc/passwd" },
      { name: "h", text: "2" },
    ],
  ],
  [
    "a device over a file",
    [
      { name: "a", text: "1" },
      { name: "a", type: "block", devMajor: 8 },
      { name: "a", text: "2" },
    ],
  ],
  ["no name", [{ name: "", text: "1" }]],
  ["a name of 300 characters", [{ name: "x".repeat(300), text: "1" }]],
  ["a name of 60,000 characters", [{ name: `${"x/".repeat(30_000)}f`, text: "1" }]],
  ["a link of 60,000 characters", [{ name: "l", type: "symlink", linkname: "x".repeat(60_000) }]],
  ["3,000 directories within each other", [{ name: "d/".repeat(3000) + "f", text: "1" }]],
  ["a setuid file", [{ name: "a", text: "1", mode: 0o6755 }]],
];

describe.each(["restore", "image"] as const)("unpacked as %s,", (mode) => {
  test.each(tricks)("%s ends soon, and nothing outside is changed", async (_, entries) => {
    const unpack = async (): Promise<void> => {
      try {
        await extractTar(tarOf(...entries), join(root, "in"), { mode });
      } catch (error) {
        // What the system refuses is for the phase to tell.
        if (!(error instanceof Error && "syscall" in error)) throw error;
      }
    };
    expect(["none", "INVALID_TAR"]).toContain(await within(5000, () => codeOf(unpack)));
    expect(readFileSync(join(root, "precious"), "utf8")).toBe("untouched");
    expect(readdirSync(root).sort()).toEqual(["in", "precious"]);
  });
});

const named = tricks.filter(([, entries]) => entries.every(({ name }) => name !== ""));

test.each(named)("a cache that somebody has filled with %s ends the restorer, or is skipped", async (_, entries) => {
  const parts: Uint8Array[] = [];
  for await (const part of tarOf(...entries.map((entry) => ({ ...entry, name: `/layers/a_b/l/${entry.name}` }))))
    parts.push(part);
  const layer = memoryLayer(Buffer.concat(parts), { compress: false });
  const cache = await openVolumeCache(join(root, "in/cache"), context);
  await cache.stage(layer);
  const metadata = { sha: layer.diffId, data: undefined, build: true, launch: false, cache: true };
  await cache.commit({ buildpacks: [{ key: "a/b", version: "1", layers: { l: metadata } }] });
  mkdirSync(join(root, "in/layers"));
  const inputs = {
    features: platformFeatures("0.13"),
    buildpacks: [{ id: "a/b", version: "1", api: "0.10" }],
    metadata: noLayersMetadata,
    layers: { path: join(root, "in/layers"), name: "/layers" },
    skipLayers: false,
  };
  const opened = await openVolumeCache(join(root, "in/cache"), context);
  const code = await within(5000, () => codeOf(() => restore(inputs, { cache: opened, ctx: context })));
  expect(["none", "RESTORE_FAILED"]).toContain(code);
  expect(readFileSync(join(root, "precious"), "utf8")).toBe("untouched");
  expect(readdirSync(root).sort()).toEqual(["in", "precious"]);
});
