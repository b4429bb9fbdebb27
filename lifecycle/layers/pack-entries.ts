import { realpathSync } from "node:fs";
import type { Layer } from "../oci/layer.ts";
import { byteString, type ByteString } from "../oci/tar/byte-string.ts";
import type { TarHeader } from "../oci/tar/header.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { statsOf } from "./disk-entry.ts";
import { TarWriter, unreadable } from "./tar-writer.ts";

/** An entry of a layer that is put together by hand. */
export interface LayerEntry extends Omit<TarHeader, "size"> {
  /** The content of a file, here or in a file of this machine. */
  readonly content?: string | Uint8Array;
  /** A file of this machine with the content; its own name, owner and mode do not matter. */
  readonly path?: string;
}

/** A layer of exactly these entries, in this order: launcher, process types, stacks, builders. Throws `EXPORT_FAILED`. */
export function packEntries(
  entries: Iterable<LayerEntry> | AsyncIterable<LayerEntry>,
  blobs: BlobCache,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Layer> {
  return blobs.pack(async (sink) => {
    const tar = new TarWriter(sink, options.signal);
    for await (const entry of entries) await writeEntry(tar, entry);
    await tar.end();
  });
}

async function writeEntry(tar: TarWriter, entry: LayerEntry): Promise<void> {
  const { content, path, ...header } = entry;
  if (path === undefined) {
    await tar.entry(header, typeof content === "string" ? Buffer.from(content) : content);
    return;
  }
  // A path that we were given may be a link; what it leads to is read, and only that.
  const source = realPath(path);
  await tar.file({ ...header, size: statsOf(source, false).size }, source);
}

function realPath(path: string): ByteString {
  try {
    return byteString(realpathSync.native(path, { encoding: "buffer" }));
  } catch (error) {
    throw unreadable(byteString(path), error);
  }
}
