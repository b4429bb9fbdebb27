import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, type DiffId } from "../../../lifecycle/oci/digest.ts";
import type { ByteStream, Layer } from "../../../lifecycle/oci/layer.ts";
import { dockerTypes } from "../../../lifecycle/oci/media-type.ts";
import { encodeHeader } from "../../../lifecycle/oci/tar/header.ts";
import { archiveOf, memoryFile } from "../../../lifecycle/stores/engine/archive.ts";
import { unpackSaved } from "../../../lifecycle/stores/engine/saved-layers.ts";
import { tarOfNoise } from "../../fakes/images.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tspack-saved-"));
  mkdirSync(join(directory, "inside"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const tar = tarOfNoise(3000, 1);
const diffId = digestOf(tar) as string as DiffId;
const manifest = (...layers: readonly string[]): Uint8Array =>
  Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: null, Layers: layers }]));

function unpack(files: readonly (readonly [string, Uint8Array])[], diffIds = [diffId]): Promise<readonly Layer[]> {
  const archive = archiveOf(files.map(([name, bytes]) => memoryFile(name, bytes)));
  return unpackSaved(archive, diffIds, join(directory, "inside"), "the image");
}

async function bytesOf(stream: ByteStream | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a plain layer is its own blob", async () => {
  const [layer] = await unpack([
    ["a/layer.tar", tar],
    ["manifest.json", manifest("a/layer.tar")],
  ]);
  expect(await layer?.descriptor()).toEqual({ mediaType: dockerTypes.layerTar, size: tar.length, digest: diffId });
  expect((await bytesOf(layer?.uncompressed())).equals(tar)).toBe(true);
});

test("a compressed layer keeps its blob and gives the plain tar", async () => {
  const blob = gzipSync(tar);
  const [layer] = await unpack([
    ["blobs/sha256/x", blob],
    ["manifest.json", manifest("blobs/sha256/x")],
  ]);
  expect(await layer?.descriptor()).toEqual({
    mediaType: dockerTypes.layerGzip,
    size: blob.length,
    digest: digestOf(blob),
  });
  expect((await bytesOf(layer?.uncompressed())).equals(tar)).toBe(true);
});

test("names of the archive lead nowhere outside the directory", async () => {
  const name = "../../outside";
  const [layer] = await unpack([
    [name, tar],
    ["manifest.json", manifest(name)],
  ]);
  expect((await bytesOf(layer?.compressed())).equals(tar)).toBe(true);
  expect(readdirSync(directory)).toEqual(["inside"]);
});

test("a link stands for the layer that it leads to", async () => {
  const link = encodeHeader({
    name: "b/layer.tar",
    type: "symlink",
    linkname: "../a/layer.tar",
    mode: 0o777,
    uid: 0,
    gid: 0,
  });
  const both = archiveOf([
    memoryFile("a/layer.tar", tar),
    memoryFile("manifest.json", manifest("a/layer.tar", "b/layer.tar")),
  ]);
  const archive = (async function* () {
    yield link;
    yield* both;
  })();
  const layers = await unpackSaved(archive, [diffId, diffId], join(directory, "inside"), "the image");
  expect((await bytesOf(layers[1]?.compressed())).equals(tar)).toBe(true);
});

test("a layer that is not the DiffID's is DIGEST_MISMATCH", async () => {
  const saved = unpack([
    ["a", tarOfNoise(3000, 2)],
    ["manifest.json", manifest("a")],
  ]);
  await expect(saved).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
});

test.each([
  ["without manifest.json", [["a", tar]] as const],
  ["with a layer too few", [["manifest.json", manifest()]] as const],
  ["with a layer that is not there", [["manifest.json", manifest("a")]] as const],
  ["with a manifest.json that is no list", [["manifest.json", Buffer.from("{}")]] as const],
  ["with a manifest.json that is no JSON", [["manifest.json", Buffer.from("{")]] as const],
])("an archive %s is INVALID_IMAGE", async (_what, files) => {
  await expect(unpack(files)).rejects.toMatchObject({ code: "INVALID_IMAGE" });
});
