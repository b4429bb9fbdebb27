import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { errorCode, TspackError } from "../../errors.ts";
import { type Context } from "../../context.ts";
import type { DiffId } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ByteStream } from "../../oci/layer.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { readDockerArchive } from "./docker-archive-reader.ts";
import { keepFiles } from "./kept-files.ts";
import { readOciArchive } from "./oci-archive-reader.ts";

/** An image of an archive. */
export interface ArchivedImage {
  readonly image: Image;
  /** What the archive calls it, as written there; empty when it says nothing that names an image. */
  readonly names: readonly string[];
}

/** What reading an archive works with. */
export interface ArchivePorts {
  /** A private directory on the disk where the images go; whoever gives it removes it. */
  readonly directory: string;
  /** Plain tars of `docker save` are compressed in there. */
  readonly blobs: BlobCache;
  readonly ctx: Context;
}

/**
 * The images of a file of `docker save`, or a tar of an OCI layout, compressed with gzip or not.
 * Everything is checked: digests, and that the layers are those that the configs say. Where a file
 * is both, it is the layout unless that has plain tars. Throws `FILE_NOT_FOUND`, `INVALID_TAR`,
 * `INVALID_IMAGE`, `DIGEST_MISMATCH`, `IMAGE_NOT_FOUND`, `CANCELED`.
 */
export async function readArchive(
  archive: string | ByteStream,
  ports: ArchivePorts,
): Promise<readonly ArchivedImage[]> {
  const { ctx, directory } = ports;
  const source = typeof archive === "string" ? archive : "the archive";
  const step = ctx.progress.start(`Reading ${source}`, { unit: "bytes" });
  try {
    const stream = typeof archive === "string" ? openFile(archive) : archive;
    const files = await keepFiles(stream, directory, ctx.signal, (bytes) => step.advance(bytes));
    const layout = await readOciArchive(files, source);
    const images = layout ?? (await readDockerArchive(files, source, ports.blobs));
    if (images === undefined) {
      throw new TspackError("INVALID_IMAGE", `${source} has neither an index.json nor a manifest.json`, {
        hint: "files of `docker save`, `podman save` and `skopeo copy … oci-archive:FILE` can be read",
      });
    }
    const checked = new Set<DiffId>();
    for (const { image } of images) await checkLayers(image, source, checked, ctx.signal);
    return images;
  } finally {
    step.done();
  }
}

async function* openFile(path: string): ByteStream {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (errorCode(cause) === "ENOENT")
      throw new TspackError("FILE_NOT_FOUND", `there is no file ${path}`, {
        cause,
        hint: "check the path; - reads standard input",
      });
    if (errorCode(cause) !== "EISDIR") throw cause;
    throw new TspackError("INVALID_IMAGE", `${path} is a directory and not an archive`, {
      cause,
      hint: "oci:DIRECTORY names an OCI layout",
    });
  }
}

/**
 * A config could name layers that are not the image's: other builds would take them over by that name. `checked`
 * has the layers that were read before. Throws `DIGEST_MISMATCH`, `CANCELED`.
 */
export async function checkLayers(
  image: Image,
  source: string,
  checked: Set<DiffId>,
  signal: AbortSignal,
): Promise<void> {
  for (const layer of await image.layers()) {
    if (checked.has(layer.diffId)) continue;
    const hash = createHash("sha256");
    for await (const chunk of layer.uncompressed()) {
      if (signal.aborted) throw new TspackError("CANCELED", "canceled");
      hash.update(chunk);
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== layer.diffId) {
      throw new TspackError("DIGEST_MISMATCH", `${source}: the layer ${layer.diffId} has the content ${found}`, {
        hint: "the archive is damaged: make it again",
      });
    }
    checked.add(layer.diffId);
  }
}
