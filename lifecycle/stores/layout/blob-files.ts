import { randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, link, lstat, mkdir, open, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { hex } from "../../oci/digest.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { verified } from "../verified.ts";

/** What names a blob in a layout. */
export type BlobName = Pick<Descriptor, "digest" | "size">;

/** The prefix of files that are not complete yet. */
export const temporaryPrefix = ".tmp-";

/** The file of a blob. OCI image-spec, image layout, blobs. */
export function blobPath(directory: string, digest: Digest): string {
  return join(directory, "blobs", "sha256", hex(digest));
}

/** The stored bytes of a blob, unchecked. Throws `INVALID_IMAGE` when the layout does not have it. */
export async function* readBlobFile(directory: string, { digest }: BlobName): ByteStream {
  try {
    yield* createReadStream(blobPath(directory, digest), { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    throw new TspackError("INVALID_IMAGE", `layout ${directory} has no blob ${digest}`, {
      cause,
      hint: "the layout is not complete: copy the image again",
    });
  }
}

/** Whether a blob is there in its full size. Touches it, so that collecting garbage leaves it to its new user. */
export async function hasBlobFile(directory: string, { digest, size }: BlobName): Promise<boolean> {
  const path = blobPath(directory, digest);
  try {
    if ((await stat(path)).size !== size) return false;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  // May belong to somebody else, who then does not collect it either.
  await utimes(path, new Date(), new Date()).catch(() => {});
  return true;
}

/** Puts a verified file of this machine into a layout: linked where that works. */
export async function linkBlobFile(directory: string, blob: BlobName, file: string): Promise<"linked" | "copied"> {
  const info = await lstat(file);
  if (!info.isFile() || info.size !== blob.size) {
    throw new TspackError("DIGEST_MISMATCH", `${file} is not the blob ${blob.digest} of ${blob.size} bytes`, {
      hint: "the cache is damaged: remove it and build again",
    });
  }
  const target = blobPath(directory, blob.digest);
  try {
    await link(file, target);
    return "linked";
  } catch (error) {
    if (errorCode(error) === "EEXIST" && (await hasBlobFile(directory, blob))) return "linked";
    // Another file system, another owner, too many links, or a damaged file in the way.
    await placed(target, (temporary) => copyFile(file, temporary, constants.COPYFILE_FICLONE));
    return "copied";
  }
}

/** Writes a blob; nothing is kept when it is not what it is called. Throws `DIGEST_MISMATCH`, `DISK_FULL`, `CANCELED`. */
export async function writeBlobFile(
  directory: string,
  blob: BlobName,
  stream: ByteStream,
  signal?: AbortSignal,
): Promise<void> {
  await placed(blobPath(directory, blob.digest), async (temporary) => {
    const file = await open(temporary, "wx", 0o600);
    try {
      for await (const chunk of verified(stream, blob, `layout ${directory}`)) {
        if (signal?.aborted === true) throw new TspackError("CANCELED", "stopped");
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
  });
}

/** Writes a file under a temporary name beside its place, and gives it its own name when it is complete. */
export async function placed(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `${temporaryPrefix}${process.pid}-${randomBytes(6).toString("hex")}`);
  try {
    await write(temporary);
    await chmod(temporary, 0o644);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

function diskError(error: unknown, path: string): unknown {
  if (errorCode(error) !== "ENOSPC" && errorCode(error) !== "EDQUOT") return error;
  return new TspackError("DISK_FULL", `no space left for ${path}`, {
    cause: error,
    hint: "free some space, or set TSPACK_HOME to a larger file system",
  });
}

/** Makes the folders of a layout. */
export async function makeBlobFolder(directory: string): Promise<void> {
  await mkdir(join(directory, "blobs", "sha256"), { recursive: true });
}
