import { rm } from "node:fs/promises";
import { InputError, TspackError } from "../../errors.ts";
import type { DiffId, Digest } from "../../oci/digest.ts";
import type { ByteStream } from "../../oci/layer.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import { nameOf, readIndex } from "../../stores/layout/index-file.ts";
import { readLayout } from "../../stores/layout/read-layout.ts";
import { namesIn } from "../archives/oci-archive-reader.ts";
import { type ArchivedImage, checkLayers, readArchive } from "../archives/read-archive.ts";
import type { Tools } from "../tools.ts";
import { workDirectory } from "../work-directory.ts";

/** An image that was taken out of an archive. */
export interface ImportedImage {
  readonly names: readonly ImageRef[];
  readonly digest: Digest;
}

/**
 * Takes the images of an archive into the local store: under the names of the archive, or under
 * those that are given, which only one image can have. All is checked before the first image is
 * written. Throws what `readArchive` throws, and `INVALID_ARGUMENTS` for an image without a name.
 */
export async function importImages(
  archive: string | ByteStream,
  names: readonly ImageRef[],
  tools: Tools,
): Promise<readonly ImportedImage[]> {
  const { places, ctx } = tools;
  const directory = await workDirectory(places.builds, "import-", ctx.clock());
  try {
    const images = await readArchive(archive, { directory, blobs: await tools.blobs(), ctx });
    return await writeImages(
      nameImages(images, names, typeof archive === "string" ? archive : "standard input"),
      tools,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Takes the images of an OCI layout into the local store, or the one that is called `entry` there, as
 * `importImages` does with an archive. Of images for several platforms this machine's is taken. Throws
 * `IMAGE_NOT_FOUND`, `INVALID_IMAGE`, `DIGEST_MISMATCH`, `INVALID_ARGUMENTS`.
 */
export async function importLayout(
  { path, entry }: { readonly path: string; readonly entry: string | undefined },
  names: readonly ImageRef[],
  tools: Tools,
): Promise<readonly ImportedImage[]> {
  const entries = ((await readIndex(path))?.manifests ?? []).filter(
    (each) => entry === undefined || nameOf(each) === entry,
  );
  if (entries.length === 0) {
    const which = entry === undefined ? "with an image" : `with an image ${JSON.stringify(entry)}`;
    throw new TspackError("IMAGE_NOT_FOUND", `${path} is no OCI layout ${which}`, {
      hint: "oci:DIRECTORY[:ENTRY] names a directory with oci-layout and index.json",
    });
  }
  const checked = new Set<DiffId>();
  const images: ArchivedImage[] = [];
  for (const digest of new Set(entries.map((each) => each.digest))) {
    const image = await readLayout(path, { digest });
    if (image === undefined) continue;
    await checkLayers(image, path, checked, tools.ctx.signal);
    images.push({ image, names: entries.filter((each) => each.digest === digest).flatMap(namesIn) });
  }
  return writeImages(nameImages(images, names, path), tools);
}

async function writeImages(named: readonly NamedImage[], { local, ctx }: Tools): Promise<readonly ImportedImage[]> {
  const imported: ImportedImage[] = [];
  for (const { image, refs } of named) {
    const { digest } = await local.write(image, refs, { ctx });
    imported.push({ names: refs, digest });
  }
  return imported;
}

interface NamedImage {
  readonly image: ArchivedImage["image"];
  readonly refs: readonly ImageRef[];
}

function nameImages(
  images: readonly ArchivedImage[],
  names: readonly ImageRef[],
  source: string,
): readonly NamedImage[] {
  if (images.length === 0) throw new TspackError("IMAGE_NOT_FOUND", `${source} has no image`);
  const [only, ...others] = images;
  if (names.length > 0) {
    if (only !== undefined && others.length === 0) return [{ image: only.image, refs: names }];
    const got = `${images.length} images: ${images.map((each) => each.names[0] ?? "one without a name").join(", ")}`;
    const issue = { source, path: "", expected: "one image, when names are given for it", got };
    throw new InputError("INVALID_ARGUMENTS", "the archive has several images", [issue], {
      hint: "leave the names out to import all images under their own",
    });
  }
  return images.map(({ image, names: own }) => {
    if (own.length > 0) return { image, refs: own.map((name) => parseReference(name, source)) };
    const issue = { source, path: "", expected: "names in the archive, or a name behind it", got: "neither" };
    throw new InputError("INVALID_ARGUMENTS", "the archive does not say what its image is called", [issue], {
      hint: "give the name: tspack images import FILE NAME",
    });
  });
}
