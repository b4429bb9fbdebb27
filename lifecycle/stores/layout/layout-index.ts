import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { decodeIndex, encodeIndex, type Index } from "../../oci/manifest.ts";
import { isIndexType, ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import type { WriteOptions, WriteReport } from "../store.ts";
import { makeLayout, nameOf, readIndex, refName, updateIndex } from "./index-file.ts";
import { layoutImage, readBytes } from "./read-layout.ts";
import { putBytes, putImage } from "./write-layout.ts";

/** An index of images for several platforms in an OCI image layout, under a name or as all that the layout has. */
export interface LayoutIndex {
  /** The index; of images that stand in `index.json` side by side, one of them. Undefined when there is none. */
  read(): Promise<Raw<Index> | undefined>;
  /** An image of it. Throws `INVALID_IMAGE`, `DIGEST_MISMATCH`. */
  image(entry: Descriptor): Promise<Image>;
  /** Puts the blobs of an image into the layout; nothing leads to them yet. Throws as `writeLayout`. */
  put(image: Image, options?: WriteOptions): Promise<WriteReport>;
  /** Puts an index, whose images are there, in the place of the one that was. Other entries stay. */
  write(index: Raw<Index>, signal?: AbortSignal): Promise<void>;
}

/** The index of a layout; without a name of all of its entries. OCI image-spec, image layout. */
export function layoutIndex(directory: string, name: string | undefined): LayoutIndex {
  const isMeant = (entry: Descriptor): boolean => name === undefined || nameOf(entry) === name;
  const meant = async (): Promise<readonly Descriptor[]> =>
    ((await readIndex(directory))?.manifests ?? []).filter(isMeant);
  return {
    async read() {
      const entries = await meant();
      const [first] = entries;
      if (first === undefined) return undefined;
      if (!isIndexType(first.mediaType)) return areSideBySide(entries) ? encodeIndex(indexOf(entries)) : undefined;
      return decodeIndex(await readBytes(directory, first), `layout ${directory} ${first.digest}`);
    },
    image: (entry) => layoutImage(directory, entry),
    put: async (image, options = {}) => {
      await makeLayout(directory);
      return putImage(directory, image, options);
    },
    async write(index, signal) {
      await makeLayout(directory);
      const { digest, bytes, value } = index;
      const one = { mediaType: value.mediaType ?? ociTypes.index, digest, size: bytes.length };
      const sideBySide = areSideBySide(await meant());
      const change = (entries: readonly Descriptor[]): readonly Descriptor[] => {
        const old = entries.find(isMeant);
        const annotations = old?.annotations ?? (name === undefined ? undefined : { [refName]: name });
        const made = sideBySide ? value.manifests : [{ ...one, ...(annotations === undefined ? {} : { annotations }) }];
        if (old === undefined) return [...entries, ...made];
        return entries.flatMap((entry) => (entry === old ? made : isMeant(entry) ? [] : [entry]));
      };
      const before = async (): Promise<void> => {
        if (!sideBySide) await putBytes(directory, one, bytes);
      };
      await updateIndex(directory, change, { before, signal });
    },
  };
}

/** Images of several platforms that share a name, or have none, as some tools write them without an index of their own. */
function areSideBySide(entries: readonly Descriptor[]): boolean {
  const images = entries.every(({ platform, mediaType }) => platform !== undefined && !isIndexType(mediaType));
  const digests = new Set(entries.map(({ digest }) => digest));
  return images && digests.size > 1 && new Set(entries.map(nameOf)).size === 1;
}

function indexOf(manifests: readonly Descriptor[]): Index {
  return { schemaVersion: 2, mediaType: ociTypes.index, manifests };
}
