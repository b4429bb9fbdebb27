import { createReadStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { errorCode, InputError, TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { decodeIndex } from "../../oci/manifest.ts";
import { isIndexType } from "../../oci/media-type.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { nameOf } from "../../stores/layout/index-file.ts";
import type { ArchiveKind } from "./archive-sink.ts";
import { readDockerArchive } from "./docker-archive-reader.ts";
import { documentOf, keepFiles, type KeptFiles } from "./kept-files.ts";
import { readOciArchive } from "./oci-archive-reader.ts";

/** A file with one image that was opened. */
export interface OpenArchive {
  readonly image: Image;
  /** What the file calls the image, word by word: annotations of an OCI layout, `RepoTags` of Docker's form. */
  readonly names: readonly string[];
}

/** What an archive is opened with. */
export interface OpenArchivePorts {
  /** A private directory for what is unpacked; whoever gives it removes it. */
  readonly scratch: () => Promise<string>;
  /** Plain tars of `docker save` are compressed in there. */
  readonly blobs: () => Promise<BlobCache>;
  readonly ctx: Context;
}

/**
 * Opens a file as the one image that it has, for changing it: no layer is read but to check its digest.
 * Throws `FILE_NOT_FOUND`, `INVALID_IMAGE`, `INVALID_TAR`, `DIGEST_MISMATCH`, `IMAGE_NOT_FOUND` for
 * several images.
 */
export async function openArchive(kind: ArchiveKind, path: string, ports: OpenArchivePorts): Promise<OpenArchive> {
  const files = await unpack(kind, path, ports);
  const images =
    kind === "oci-archive"
      ? await readOciArchive(files, path)
      : await readDockerArchive(files, path, await ports.blobs());
  const [only] = images ?? [];
  if (only === undefined) throw noImage(kind, path);
  if (images !== undefined && images.length > 1) {
    throw new TspackError("IMAGE_NOT_FOUND", `${path} has ${images.length} images`, {
      hint: "save the one that is meant in a file of its own",
    });
  }
  return kind === "oci-archive" ? asInIndex(files, path, only.image) : only;
}

async function unpack(kind: ArchiveKind, path: string, { scratch, ctx }: OpenArchivePorts): Promise<KeptFiles> {
  const step = ctx.progress.start(`Reading ${path}`, { unit: "bytes" });
  try {
    const directory = await mkdtemp(join(await scratch(), "archive-"));
    const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
    return await keepFiles(stream, directory, ctx.signal, (bytes) => step.advance(bytes));
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT" && errorCode(cause) !== "EISDIR") throw cause;
    throw new TspackError("FILE_NOT_FOUND", `${path} is no file`, {
      cause,
      hint: `${kind}:FILE names a file; oci:DIRECTORY names an OCI layout that is not packed`,
    });
  } finally {
    step.done();
  }
}

/** Names as the index has them, so that they can be written again; and whether there is more than one platform. */
async function asInIndex(files: KeptFiles, path: string, image: Image): Promise<OpenArchive> {
  const file = files.get("index.json");
  const source = `${path} index.json`;
  const entries = file === undefined ? [] : decodeIndex(await documentOf(file, "index.json"), source).value.manifests;
  const names = entries.map(nameOf).filter((name) => name !== undefined);
  const index = entries.find(({ mediaType }) => isIndexType(mediaType));
  return { names, image: index === undefined ? image : { ...image, fromIndex: index.digest } };
}

function noImage(kind: ArchiveKind, path: string): InputError {
  const expected = kind === "oci-archive" ? "oci-layout and index.json in it" : "manifest.json in it";
  const issue = { source: path, path: "", expected, got: "none" };
  const other = kind === "oci-archive" ? "docker-archive" : "oci-archive";
  return new InputError("INVALID_IMAGE", `${path} has no image in this form`, [issue], {
    hint: `other programs may have written it: try ${other}:${path}`,
  });
}
