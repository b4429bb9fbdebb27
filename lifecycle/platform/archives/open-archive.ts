import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { decodeConfig } from "../../oci/image-config.ts";
import { readJson } from "../../oci/json-reader.ts";
import { encodeManifest } from "../../oci/manifest.ts";
import { dockerTypes } from "../../oci/media-type.ts";
import { readTar, type TarEntry } from "../../oci/tar/unpack.ts";
import { unpackSaved } from "../../stores/engine/saved-layers.ts";
import { nameOf, readIndex } from "../../stores/layout/index-file.ts";
import { readLayout } from "../../stores/layout/read-layout.ts";
import type { ArchiveKind } from "./archive-sink.ts";

/** A file with one image that was opened. */
export interface OpenArchive {
  readonly image: Image;
  /** What the file calls the image: annotations of an OCI layout, `RepoTags` of Docker's form. */
  readonly names: readonly string[];
}

/** Documents of an archive are held in memory up to this, in bytes. */
const largestDocument = 8 * 1024 * 1024;

/**
 * Opens a tar of an OCI layout, or what `docker save` writes, with one image. Its content is unpacked
 * into a private directory and checked against its digests as it is read. Throws `FILE_NOT_FOUND`,
 * `INVALID_IMAGE`, `INVALID_TAR`, `IMAGE_NOT_FOUND` for several images.
 */
export async function openArchive(
  kind: ArchiveKind,
  path: string,
  scratch: () => Promise<string>,
): Promise<OpenArchive> {
  try {
    const directory = await mkdtemp(join(await scratch(), "archive-"));
    return await (kind === "oci-archive" ? openOciArchive : openDockerArchive)(path, directory);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT" && errorCode(cause) !== "EISDIR") throw cause;
    throw new TspackError("FILE_NOT_FOUND", `${path} is no file`, {
      cause,
      hint: `${kind}:FILE names a file; oci:DIRECTORY names an OCI layout that is not packed`,
    });
  }
}

async function openOciArchive(path: string, directory: string): Promise<OpenArchive> {
  await mkdir(join(directory, "blobs/sha256"), { recursive: true, mode: 0o700 });
  for await (const entry of entriesOf(path)) {
    const name = nameIn(entry);
    // Nothing else belongs to a layout, and so nothing else becomes a path here.
    const isPart = name === "oci-layout" || name === "index.json" || /^blobs\/sha256\/[0-9a-f]{64}$/.test(name);
    if (entry.header.type === "file" && isPart) await writeFile(join(directory, name), entry.content(), privateFile);
  }
  const image = await readLayout(directory);
  if (image === undefined) throw invalid(path, "an OCI layout: oci-layout, index.json and blobs");
  const entries = (await readIndex(directory))?.manifests ?? [];
  return { image, names: entries.map(nameOf).filter((one) => one !== undefined) };
}

const privateFile = { mode: 0o600, flag: "wx" } as const;

async function openDockerArchive(path: string, directory: string): Promise<OpenArchive> {
  const { configName, names, count } = readDockerManifest(await documentIn(path, "manifest.json"), path);
  if (count !== 1) {
    throw new TspackError("IMAGE_NOT_FOUND", `${path} has ${count} images`, {
      hint: "save the one that is meant in a file of its own",
    });
  }
  const config = decodeConfig(await documentIn(path, configName), `${path} ${configName}`);
  const diffIds = config.value.rootfs.diff_ids;
  const layers = await unpackSaved(createReadStream(path), diffIds, directory, path);
  return {
    names,
    image: {
      config: () => Promise.resolve(config),
      layers: () => Promise.resolve(layers),
      parts: () => Promise.resolve({ config: config.value, layers, format: "docker" }),
      manifest: async () =>
        encodeManifest({
          schemaVersion: 2,
          mediaType: dockerTypes.manifest,
          config: { mediaType: dockerTypes.config, size: config.bytes.length, digest: config.digest },
          layers: await Promise.all(layers.map((layer) => layer.descriptor())),
        }),
    },
  };
}

function readDockerManifest(
  bytes: Uint8Array,
  path: string,
): { readonly configName: string; readonly names: readonly string[]; readonly count: number } {
  const { document, reader } = readJson(bytes, `${path} manifest.json`, "INVALID_IMAGE");
  const images = reader.array(document, "");
  const fields = reader.object(images[0] ?? {}, "[0]");
  const configName = images.length === 0 ? "" : reader.string(fields["Config"], "[0].Config");
  const tags = fields["RepoTags"] ?? [];
  const names = reader.strings(tags, "[0].RepoTags") ?? [];
  reader.finish(`${path} is not what docker save writes`);
  return { configName, names, count: images.length };
}

/** One document of an archive. Engines name the config by its hash, which is checked where it is one. */
async function documentIn(path: string, name: string): Promise<Uint8Array> {
  for await (const entry of entriesOf(path)) {
    if (nameIn(entry) !== posix.normalize(name) || entry.header.type !== "file") continue;
    if (entry.header.size > largestDocument) throw invalid(path, `${name} of at most ${largestDocument} bytes`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content()) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
  throw invalid(path, `a file ${name} in it`);
}

function entriesOf(path: string): AsyncIterable<TarEntry> {
  return readTar(createReadStream(path, { highWaterMark: 1024 * 1024 }));
}

function nameIn({ header: { name } }: TarEntry): string {
  return posix.normalize(typeof name === "string" ? name : Buffer.from(name).toString("latin1"));
}

function invalid(path: string, expected: string): InputError {
  const issue = { source: path, path: "", expected, got: "none" };
  return new InputError("INVALID_IMAGE", `${path} is no archive of an image`, [issue]);
}
