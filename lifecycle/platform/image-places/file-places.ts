import { resolve } from "node:path";
import { TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { isIndexType } from "../../oci/media-type.ts";
import { parseReference } from "../../oci/reference.ts";
import { nameOf, readIndex } from "../../stores/layout/index-file.ts";
import { type LayoutIndex, layoutIndex } from "../../stores/layout/layout-index.ts";
import { readLayout } from "../../stores/layout/read-layout.ts";
import { writeLayout } from "../../stores/layout/write-layout.ts";
import { archiveSink } from "../archives/archive-sink.ts";
import { openArchive, type OpenArchivePorts } from "../archives/open-archive.ts";
import { fileReference, type ImagePlace, type IndexPlace } from "./image-place.ts";
import type { ParsedPlace } from "./parse-place.ts";

/** What files with images are opened with. */
export interface FilePlacePorts extends OpenArchivePorts {
  readonly cwd: string;
}

type FilePlace = Exclude<ParsedPlace, { readonly kind: "name" }>;

/**
 * Opens a layout or an archive as the place of one image. Throws `IMAGE_NOT_FOUND` for several images
 * and no choice, `INVALID_IMAGE`, `INVALID_TAR`.
 */
export async function openFilePlace(name: string, parsed: FilePlace, ports: FilePlacePorts): Promise<ImagePlace> {
  const path = resolve(ports.cwd, parsed.path);
  const base = { name, kind: parsed.kind, where: path, ref: fileReference(name) };
  if (parsed.kind === "oci") {
    const entries = (await readIndex(path))?.manifests ?? [];
    const fitting = entries.filter((entry) => parsed.entry === undefined || nameOf(entry) === parsed.entry);
    const fromIndex = fitting.find(({ mediaType }) => isIndexType(mediaType))?.digest;
    const image = once(async () => {
      const found = await readLayout(path, { name: parsed.entry });
      return found === undefined || fromIndex === undefined ? found : { ...found, fromIndex };
    });
    const { signal } = ports.ctx;
    return {
      ...base,
      image,
      sink: layoutSink(name, path, fitting, entries.length === 1),
      indexes: indexesOf(layoutIndex(path, parsed.entry), signal),
    };
  }
  const archive = await openArchive(parsed.kind, path, ports);
  const refs = archive.names.flatMap((tag) => (parsed.kind === "docker-archive" ? [parseReference(tag, path)] : []));
  const sink = archiveSink(parsed.kind, path, parsed.kind === "oci-archive" ? archive.names : undefined);
  return {
    ...base,
    image: () => Promise.resolve(archive.image),
    sink: { write: (image, _refs, options) => sink.write(image, refs, options) },
  };
}

function indexesOf(index: LayoutIndex, signal: AbortSignal): IndexPlace {
  return {
    read: () => index.read(),
    image: (entry) => index.image(entry),
    put: (image, options) => index.put(image, options),
    write: (next) => index.write(next, signal),
  };
}

/** The image of a file, which has to be there. Throws `IMAGE_NOT_FOUND`. */
export async function requireFileImage({ name, where, image }: ImagePlace): Promise<Image> {
  const found = await image();
  if (found !== undefined) return found;
  throw new TspackError("IMAGE_NOT_FOUND", `${name} is no image: ${where} is no OCI layout, or has none of that name`, {
    hint: "oci:DIRECTORY[:ENTRY] names a directory with oci-layout and index.json",
  });
}

/** Writes over the entry that was read, and leaves the others. */
function layoutSink(name: string, path: string, fitting: readonly Descriptor[], only: boolean): ImagePlace["sink"] {
  const names = [...new Set(fitting.map(nameOf).filter((one) => one !== undefined))];
  return {
    write: (image, _refs, options) => writeLayout(path, image, { ...options, names, only, label: `Storing ${name}` }),
  };
}

/** What an index has beside the image of one platform would be lost. */
export function severalPlatforms(name: string): TspackError {
  return new TspackError("REBASE_FAILED", `${name} is an index of images for several platforms`, {
    hint: "change the image of each platform by its own name or digest, then make the index again: tspack manifest create",
  });
}

/** Does it at most once. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => (done ??= work());
}
