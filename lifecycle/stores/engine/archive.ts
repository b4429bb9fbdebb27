import type { ByteStream } from "../../oci/layer.ts";
import { encodeHeader, paddingAfter } from "../../oci/tar/header.ts";

/** One file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  /** Bytes of the content. */
  readonly size: number;
  readonly content: ByteStream;
}

/** A tar of plain files in order, as `docker load` reads it. */
export async function* archiveOf(files: Iterable<ArchiveFile>): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { name, size, content } of files) {
    yield encodeHeader({ name, type: "file", mode: 0o644, uid: 0, gid: 0, size });
    yield* content;
    const padding = paddingAfter(size);
    if (padding > 0) yield Buffer.alloc(padding);
  }
  yield Buffer.alloc(1024);
}

/** A file whose content is in memory. */
export function memoryFile(name: string, content: Uint8Array): ArchiveFile {
  return { name, size: content.length, content: once(content) };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (content.length > 0) yield content;
}
