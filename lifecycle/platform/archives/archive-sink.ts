import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Context, silentProgress } from "../../context.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { TarWriter } from "../../layers/tar-writer.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSink, WriteReport } from "../../stores/store.ts";
import { writeDockerArchive } from "./docker-archive.ts";
import { writeOciArchive } from "./oci-archive.ts";

/** The forms of files with one image: a tar of an OCI layout, or what `docker save` writes. */
export type ArchiveKind = "oci-archive" | "docker-archive";

/**
 * A file with an image, as a store that can only be written: other tools read it. The file is
 * there completely or not at all, and one that was there is replaced. The same image under the same
 * names gives the same bytes. `names` stand in an OCI archive instead of those that are written. Throws
 * `DISK_FULL`, `CANCELED`.
 */
export function archiveSink(kind: ArchiveKind, path: string, names?: readonly string[]): ImageSink {
  return {
    write: async (image, refs, { ctx } = {}) => {
      const progress = (ctx?.progress ?? silentProgress).start(`Writing ${path}`, { unit: "bytes" });
      try {
        return await writeFile(path, ctx, (file) => {
          const write = async (bytes: Uint8Array): Promise<void> => {
            await writeAll(file, bytes);
            progress.advance(bytes.length);
          };
          return writeImage(kind, new TarWriter({ write }, ctx?.signal), image, refs, names);
        });
      } finally {
        progress.done();
      }
    },
  };
}

async function writeImage(
  kind: ArchiveKind,
  tar: TarWriter,
  image: Image,
  refs: readonly ImageRef[],
  names: readonly string[] | undefined,
): Promise<WriteReport> {
  if (kind === "oci-archive") await writeOciArchive(tar, image, refs, names);
  else await writeDockerArchive(tar, image, refs);
  await tar.end();
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()]);
  const reports = layers.map(async (layer) => {
    const { digest, size } = await layer.descriptor();
    return { digest, size, outcome: "sent" } as const;
  });
  return {
    digest: manifest.digest,
    // What `docker load` will call it: such a file has no manifest.
    ...(kind === "docker-archive" ? { imageId: config.digest } : {}),
    manifestSize: manifest.bytes.length,
    layers: await Promise.all(reports),
  };
}

async function writeFile<T>(
  path: string,
  ctx: Context | undefined,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${randomUUID()}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "wx", 0o644);
    try {
      const result = await work(file);
      await file.sync();
      await rename(temporary, path);
      return result;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (ctx?.signal.aborted === true) throw new TspackError("CANCELED", "canceled", { cause: error });
    if (errorCode(error) !== "ENOSPC" && errorCode(error) !== "EDQUOT") throw error;
    const hint = "free disk space, or write the file to a larger disk";
    throw new TspackError("DISK_FULL", `no space left for ${path}`, { cause: error, hint });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}
