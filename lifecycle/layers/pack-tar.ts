import type { ByteStream, Layer } from "../oci/layer.ts";
import { LAYER_MTIME } from "../oci/tar/header.ts";
import { readTar } from "../oci/tar/unpack.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { TarWriter } from "./tar-writer.ts";

/**
 * A layer of the entries of another plain tar: names, owners, modes and extended attributes as
 * they are, times and user names as in every layer. Throws `INVALID_TAR`.
 */
export function packTar(
  source: ByteStream,
  blobs: BlobCache,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Layer> {
  return blobs.pack(async (sink) => {
    const tar = new TarWriter(sink, options.signal);
    for await (const { header, content } of readTar(source)) {
      await tar.header({ ...header, mtime: LAYER_MTIME });
      await tar.stream(header.size, content());
    }
    await tar.end();
  });
}
