import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { ociTypes } from "../../oci/media-type.ts";
import type { Compression } from "../../oci/zstd.ts";
import { hex, parseDigest, type Digest, type DiffId } from "../../oci/digest.ts";

/** What is known of a layer's blob. */
export interface IndexEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** Whether the DiffID was computed here, and is not only what some image says. */
  readonly checked: boolean;
}

/**
 * The small files beside the blobs: `diff-ids/sha256/<hex>` names a layer's blob, `diff-ids/zstd/<hex>` the one that
 * is compressed with zstd, `sizes/sha256/<hex>` has a blob's size.
 */
export class BlobIndex {
  readonly #layers: Readonly<Record<Compression, string>>;
  readonly #sizes: string;
  readonly #temporary: string;

  private constructor(root: string) {
    this.#layers = { gzip: join(root, "diff-ids", "sha256"), zstd: join(root, "diff-ids", "zstd") };
    this.#sizes = join(root, "sizes", "sha256");
    this.#temporary = join(root, "tmp");
  }

  static async open(root: string): Promise<BlobIndex> {
    const index = new BlobIndex(root);
    for (const folder of [...Object.values(index.#layers), index.#sizes])
      await mkdir(folder, { recursive: true, mode: 0o700 });
    return index;
  }

  /** Records a blob whose DiffID is certain. */
  async add(diffId: DiffId, entry: IndexEntry): Promise<void> {
    await this.addBlob(entry);
    await this.#replace(this.#file(diffId, compressionOf(entry)), JSON.stringify(entry));
  }

  /** Records what an image says about a blob, unless something certain is known already. */
  async claim(diffId: DiffId, descriptor: Descriptor): Promise<void> {
    const compression = compressionOf(descriptor);
    if ((await this.layer(diffId, compression))?.checked === true) return;
    const { mediaType, digest, size } = descriptor;
    await this.#replace(this.#file(diffId, compression), JSON.stringify({ mediaType, digest, size, checked: false }));
  }

  async addBlob(blob: { readonly digest: Digest; readonly size: number }): Promise<void> {
    await this.#replace(join(this.#sizes, hex(blob.digest)), String(blob.size));
  }

  /** A layer's blob; what is not compressed counts as gzip, since every destination takes both. */
  async layer(diffId: DiffId, compression: Compression): Promise<IndexEntry | undefined> {
    const text = await readIfThere(this.#file(diffId, compression));
    return text === undefined ? undefined : decodeEntry(text);
  }

  async remove(diffId: DiffId, entry: IndexEntry): Promise<void> {
    await rm(this.#file(diffId, compressionOf(entry)), { force: true });
  }

  #file(diffId: DiffId, compression: Compression): string {
    return join(this.#layers[compression], hex(diffId));
  }

  /** Bytes that the blob should have. */
  async size(digest: Digest): Promise<number | undefined> {
    const text = await readIfThere(join(this.#sizes, hex(digest)));
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  async #replace(path: string, text: string): Promise<void> {
    const temporary = join(this.#temporary, randomUUID());
    try {
      await writeFile(temporary, text, { flag: "wx", mode: 0o600 });
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

function compressionOf({ mediaType }: Pick<IndexEntry, "mediaType">): Compression {
  return mediaType === ociTypes.layerZstd ? "zstd" : "gzip";
}

/** Undefined for a damaged entry: a cache makes again what it cannot read. */
function decodeEntry(text: string): IndexEntry | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof IndexEntry, unknown>>;
    const { mediaType, digest, size, checked } = value;
    if (typeof mediaType !== "string" || typeof digest !== "string" || typeof size !== "number") return undefined;
    return { mediaType, digest: parseDigest(digest), size, checked: checked === true };
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
