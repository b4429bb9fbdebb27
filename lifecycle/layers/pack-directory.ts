import { posix } from "node:path";
import type { Layer } from "../oci/layer.ts";
import { byteString, isAscii, type ByteString } from "../oci/tar/byte-string.ts";
import type { BlobCache, ByteSink } from "../stores/blob-cache.ts";
import { diskEntry, entryBelow, namesIn, writeDiskEntry, type DiskEntry } from "./disk-entry.ts";
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
  // One generator for all depths: with one for each, every entry would pass through all above it.
  const open = [openDirectory(entry)];
  for (let directory = open.at(-1); directory !== undefined; directory = open.at(-1)) {
    const name = directory.names[directory.next++];
    if (name === undefined) {
      open.pop();
      continue;
    }
    const found = entryBelow(directory.entry, name, directory.isPlain);
    yield found;
    if (found.stats.isDirectory()) open.push(openDirectory(found));
  }
}

interface OpenDirectory {
  readonly entry: DiskEntry;
  readonly names: readonly ByteString[];
  /** Whether its path is ASCII, so that only names below it have to be looked at for that. */
  readonly isPlain: boolean;
  next: number;
}

function openDirectory(entry: DiskEntry): OpenDirectory {
  return { entry, names: namesIn(entry.path), isPlain: isAscii(entry.path), next: 0 };
}

/**
 * The same entries, sorted by the bytes of their whole paths (`a`, `a-b`, `a/x`). What is below a
 * directory comes where its name with a slash would, so that only the directories on the way to an
 * entry are in memory, and never the whole tree.
 */
export function* walkByPath(entry: DiskEntry): Generator<DiskEntry, void, undefined> {
  yield entry;
  if (entry.stats.isDirectory()) yield* walkBelow(entry);
}

function* walkBelow(directory: DiskEntry): Generator<DiskEntry, void, undefined> {
  const names = namesIn(directory.path);
  // Directories that were met, and whose content comes later.
  const waiting: { readonly slashed: string; readonly entry: DiskEntry }[] = [];
  for (const name of names) {
    for (let next = waiting[0]; next !== undefined && next.slashed < name; next = waiting[0]) {
      waiting.shift();
      yield* walkBelow(next.entry);
    }
    const entry = entryBelow(directory, name);
    yield entry;
    if (entry.stats.isDirectory()) insert(waiting, { slashed: `${name}/`, entry });
  }
  for (const { entry } of waiting) yield* walkBelow(entry);
}

/** Keeps the list sorted; mostly the new one belongs at its end. */
function insert<T extends { readonly slashed: string }>(sorted: T[], added: T): void {
  let at = sorted.length;
  while (at > 0 && (sorted[at - 1]?.slashed ?? "") > added.slashed) at--;
  sorted.splice(at, 0, added);
}
