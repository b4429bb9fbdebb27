import { posix } from "node:path";
import type { Layer } from "../oci/layer.ts";
import { byteString, type ByteString } from "../oci/tar/byte-string.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { diskEntry, writeDiskEntry, type DiskEntry } from "./disk-entry.ts";
import { compileGlob, type Glob } from "./glob.ts";
import { type PackOptions, walk, walkByPath } from "./pack-directory.ts";
import { writeParents } from "./parents.ts";
import type { Place } from "./place.ts";
import { divide } from "./slices.ts";
import { TarWriter } from "./tar-writer.ts";

/** Files of the application that change together. */
export interface AppSlice {
  readonly paths: readonly string[];
}

/** One layer of the application with the text of its history entry. */
export interface AppLayer {
  readonly layer: Layer;
  readonly createdBy: string;
}

/**
 * The application's layers: one without slices, n + 1 with n. Entries are sorted by the bytes of
 * the whole path (`a`, `a-b`, `a/x`). A layer without entries is an empty tar. Throws
 * `INVALID_LAYER` for a malformed glob, before anything is read, and `EXPORT_FAILED`.
 */
export async function packAppSlices(
  place: Place,
  slices: readonly AppSlice[],
  options: PackOptions,
  blobs: BlobCache,
): Promise<readonly AppLayer[]> {
  const globs = slices.map(({ paths }) => paths.map(compileGlob));
  const app = { ...place, path: posix.resolve(place.path), name: posix.normalize(place.name) };
  const root = (): DiskEntry => diskEntry(byteString(app.path), byteString(app.name));
  if (globs.length === 0) {
    const layer = await packPart(app, () => walkByPath(root()), options, blobs);
    return [{ layer, createdBy: "Application Layer" }];
  }
  return packParts(app, root(), globs, options, blobs);
}

/** Who slices an application has all its entries in memory, because any glob may take any of them. */
async function packParts(
  app: Place,
  root: DiskEntry,
  globs: readonly (readonly Glob[])[],
  options: PackOptions,
  blobs: BlobCache,
): Promise<readonly AppLayer[]> {
  const entries = [...walk(root)].map((entry) => ({ path: relativeName(root, entry), entry }));
  const layers: AppLayer[] = [];
  for (const [index, part] of divide(entries, globs).entries()) {
    const layer = await packPart(app, () => part.map(({ entry }) => entry), options, blobs);
    layers.push({ layer, createdBy: `Application Slice: ${index + 1}` });
  }
  return layers;
}

function relativeName(root: DiskEntry, entry: DiskEntry): ByteString {
  return entry.name.slice(root.name === "/" ? 1 : root.name.length + 1) as ByteString;
}

/** `list` is asked once for each time that the tar is written. */
function packPart(app: Place, list: () => Iterable<DiskEntry>, options: PackOptions, blobs: BlobCache): Promise<Layer> {
  return blobs.pack(async (sink) => {
    const tar = new TarWriter(sink, options.signal);
    let isFirst = true;
    for (const entry of list()) {
      if (isFirst) await writeParents(tar, app);
      isFirst = false;
      const written = isFixedRoot(app, entry)
        ? tar.header({ name: app.name, type: "dir", ...options.owner, mode: app.parents?.mode ?? 0o755 })
        : writeDiskEntry(tar, entry, options.owner);
      if (written !== undefined) await written;
    }
    await tar.end();
  });
}

/** The application directory itself, when the platform says what its mode is. */
function isFixedRoot(app: Place, entry: DiskEntry): boolean {
  return app.parents !== undefined && entry.name === byteString(app.name) && entry.stats.isDirectory();
}
