import { posix } from "node:path";
import type { Layer } from "../oci/layer.ts";
import { byteString } from "../oci/tar/byte-string.ts";
import type { BlobCache, ByteSink } from "../stores/blob-cache.ts";
import { below, diskEntry, namesIn, writeDiskEntry, type DiskEntry } from "./disk-entry.ts";
import { writeParents } from "./parents.ts";
import type { Owner, Place } from "./place.ts";
import { TarWriter } from "./tar-writer.ts";

/** Options of packing directories. */
export interface PackOptions {
  /** Owner of the directory and of everything below it. */
  readonly owner: Owner;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A layer of one directory: its parents, then a walk that is sorted by name in each directory
 * (`a`, `a/x`, `a-b`). A place that is a symbolic link gives the link alone. The bytes are those
 * of the reference. Throws `EXPORT_FAILED` for what cannot be read.
 */
export function packDirectory(place: Place, options: PackOptions, blobs: BlobCache): Promise<Layer> {
  return blobs.pack((sink) => writeDirectory(place, options, sink));
}

/** The tar of such a layer. `seen` is told of each entry before it is read. */
export async function writeDirectory(
  place: Place,
  { owner, signal }: PackOptions,
  sink: ByteSink,
  seen?: (entry: DiskEntry) => void,
): Promise<void> {
  const root = normalized(place);
  const tar = new TarWriter(sink, signal);
  await writeParents(tar, root);
  for (const entry of walk(diskEntry(byteString(root.path), byteString(root.name)))) {
    seen?.(entry);
    const written = writeDiskEntry(tar, entry, owner);
    if (written !== undefined) await written;
  }
  await tar.end();
}

/** The place with a path that does not depend on where the process is, and a name without `.` and `..`. */
export function normalized(place: Place): Place {
  return { ...place, path: posix.resolve(place.path), name: posix.normalize(place.name) };
}

/** An entry and all below it, each directory's names sorted by their bytes. */
export function* walk(entry: DiskEntry): Generator<DiskEntry, void, undefined> {
  yield entry;
  if (!entry.stats.isDirectory()) return;
  for (const name of namesIn(entry.path)) yield* walk(diskEntry(below(entry.path, name), below(entry.name, name)));
}
