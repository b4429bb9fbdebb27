import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { errorCode, TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { hex, type Digest, type DiffId } from "../../oci/digest.ts";
import type { Compression } from "../../oci/zstd.ts";
import type { ByteStream, Layer } from "../../oci/layer.ts";
import { slots } from "../../oci/slots.ts";
import { workLimits } from "../../oci/work-limits.ts";
import type { BlobCache, ByteSink, PackWatch } from "../blob-cache.ts";
import { compress } from "./compress.ts";
import { DeflateThreads } from "./deflate-threads.ts";
import { BlobIndex, type IndexEntry } from "./blob-index.ts";
import { watchedFile } from "./growing-file.ts";
import { plainTar, verified } from "./verify.ts";

/** One day in milliseconds: no build packs one layer for so long. */
const abandonedAfter = 24 * 60 * 60 * 1000;

/** Options of a blob cache on disk. */
export interface BlobCacheOptions {
  readonly ctx: Context;
  /** Compression level of what is packed; `DEFAULT_GZIP_LEVEL` when absent. */
  readonly level?: number | undefined;
  /** How what is packed is compressed, and which of a layer's blobs `layer` gives; gzip when absent. */
  readonly compression?: Compression | undefined;
  /** Blocks of all layers that are compressed at a time; what the usual memory has room for when absent. */
  readonly blocks?: number | undefined;
  /** Compiles WebAssembly that is going to run for seconds; as V8 does it by itself when absent. */
  readonly optimize?: (<T>(compile: () => T) => T) | undefined;
}

/** The form of the folder. Another form gets another folder, so that versions never read each other's files. */
export const formatFolder = "v1";

/**
 * The blob cache in a folder. Many processes may use it at once: everything is written to a
 * private temporary file and renamed, and a name is the hash of its content. Nothing is forced
 * to the disk, since all can be made again; sizes are checked on every use instead.
 */
export async function openBlobCache(dir: string, options: BlobCacheOptions): Promise<BlobCache> {
  const root = join(dir, formatFolder);
  const blobs = join(root, "blobs", "sha256");
  const temporary = join(root, "tmp");
  for (const folder of [blobs, temporary]) await onDisk(dir, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  await removeAbandoned(temporary, options.ctx.clock());
  return new FileBlobCache({ dir, blobs, temporary, index: await BlobIndex.open(root), options });
}

interface Parts {
  readonly dir: string;
  readonly blobs: string;
  readonly temporary: string;
  readonly index: BlobIndex;
  readonly options: BlobCacheOptions;
}

class FileBlobCache implements BlobCache {
  readonly #parts: Parts;
  readonly #inSlot;
  readonly #deflater: DeflateThreads;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#inSlot = slots(parts.options.blocks ?? workLimits().blocks);
    this.#deflater = new DeflateThreads({ inSlot: this.#inSlot, optimize: parts.options.optimize });
  }

  async pack(produce: (sink: ByteSink) => Promise<void>, watch?: PackWatch): Promise<Layer> {
    const { options, index, blobs } = this.#parts;
    const { diffId, descriptor } = await this.#write(async (file, temporary) => {
      const watched = watchedFile(temporary, watch);
      const output = async (bytes: Uint8Array): Promise<void> => {
        await writeAll(file, bytes);
        watched.wrote(bytes.length);
      };
      try {
        const made = await compress(produce, output, {
          ...options,
          deflater: this.#deflater,
          inSlot: this.#inSlot,
        });
        options.ctx.signal.throwIfAborted();
        watched.end();
        await rename(temporary, join(blobs, hex(made.descriptor.digest)));
        return made;
      } catch (error) {
        watched.end(error);
        throw error;
      }
    });
    await this.#onDisk(() => index.add(diffId, { ...descriptor, checked: true }));
    return this.#view(diffId, descriptor);
  }

  async layer(diffId: DiffId, compression?: Compression): Promise<Layer | undefined> {
    const { index, options } = this.#parts;
    const entry = await index.layer(diffId, compression ?? options.compression ?? "gzip");
    if (entry === undefined || (await this.file(entry.digest)) === undefined) return undefined;
    if (!entry.checked && !(await this.#check(diffId, entry))) return undefined;
    return this.#view(diffId, descriptorOf(entry));
  }

  async file(digest: Digest): Promise<string | undefined> {
    const path = join(this.#parts.blobs, hex(digest));
    const [found, size] = await Promise.all([sizeOf(path), this.#parts.index.size(digest)]);
    if (found === undefined || size === undefined) return undefined;
    if (found === size) {
      // Whoever prunes leaves what is used. Gone this moment: as if it had not been there.
      return utimes(path, new Date(), new Date()).then(
        () => path,
        (error: unknown) => (errorCode(error) === "ENOENT" ? undefined : path),
      );
    }
    // Cut short, by a full disk or a crash of the machine: make it again.
    await rm(path, { force: true });
    return undefined;
  }

  async put(descriptor: Descriptor, blob: ByteStream, diffId?: DiffId): Promise<string> {
    const { blobs, index, options } = this.#parts;
    const path = join(blobs, hex(descriptor.digest));
    await this.#write(async (file, temporary) => {
      for await (const chunk of verified(descriptor, blob)) {
        options.ctx.signal.throwIfAborted();
        await writeAll(file, chunk);
      }
      await rename(temporary, path);
    });
    await this.#onDisk(() => index.addBlob(descriptor));
    if (diffId !== undefined) await this.#onDisk(() => index.claim(diffId, descriptor));
    return path;
  }

  /**
   * The DiffID of a fetched layer is what its image says. Before another build gets the layer by
   * that name it is computed, once, so that no image can put wrong bytes under a DiffID.
   */
  async #check(diffId: DiffId, entry: IndexEntry): Promise<boolean> {
    const { index, options } = this.#parts;
    try {
      for await (const _ of this.#view(diffId, descriptorOf(entry)).uncompressed()) options.ctx.signal.throwIfAborted();
      await index.add(diffId, { ...entry, checked: true });
      return true;
    } catch (error) {
      if (errorCode(error) !== "DIGEST_MISMATCH" && errorCode(error) !== "INVALID_IMAGE") throw error;
      options.ctx.logger.warn(`the cached layer ${diffId} is not what its image said, and is left out`);
      await index.remove(diffId, entry);
      return false;
    }
  }

  #view(diffId: DiffId, descriptor: Descriptor): Layer {
    const path = join(this.#parts.blobs, hex(descriptor.digest));
    const compressed = (): ByteStream => createReadStream(path, { highWaterMark: 256 * 1024 });
    return {
      diffId,
      descriptor: () => Promise.resolve(descriptor),
      compressed,
      uncompressed: () => plainTar(diffId, compressed()),
      blobFile: () => this.file(descriptor.digest),
    };
  }

  /** Gives `work` a private file that is gone afterwards unless it was renamed. */
  async #write<T>(work: (file: FileHandle, path: string) => Promise<T>): Promise<T> {
    const path = join(this.#parts.temporary, randomUUID());
    return this.#onDisk(async () => {
      const file = await open(path, "wx", 0o600);
      try {
        return await work(file, path);
      } finally {
        await file.close();
        await rm(path, { force: true });
      }
    });
  }

  #onDisk<T>(work: () => Promise<T>): Promise<T> {
    return onDisk(this.#parts.dir, work);
  }
}

function descriptorOf(entry: IndexEntry): Descriptor {
  return { mediaType: entry.mediaType, digest: entry.digest, size: entry.size };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Removes what processes that were killed left behind. Younger files may be another build's. */
async function removeAbandoned(temporary: string, now: Date): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && now.getTime() - stats.mtimeMs > abandonedAfter) await rm(path, { force: true });
  }
}

async function onDisk<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    throw new TspackError("DISK_FULL", `there is no space left for the blob cache in ${dir}`, {
      cause,
      hint: "free some space, or set TSPACK_HOME to a folder on another disk",
    });
  }
}
