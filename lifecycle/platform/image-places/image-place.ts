import type { Descriptor } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import type { Index } from "../../oci/manifest.ts";
import type { Raw } from "../../oci/raw.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSink, WriteOptions, WriteReport } from "../../stores/store.ts";

/** Kinds of places that have images. */
export type PlaceKind = "local" | "registry" | "engine" | "oci" | "oci-archive" | "docker-archive";

/** One image where it is, with the way back to there. */
export interface ImagePlace {
  /** As it was named. */
  readonly name: string;
  readonly kind: PlaceKind;
  /** How people are told of the place: `registry HOST`, a path. */
  readonly where: string;
  /** Stands for the image in stores; of a file it is made up, and only its `original` means something. */
  readonly ref: ImageRef;
  /** The image, or undefined when it is not there. It is looked for once. */
  readonly image: () => Promise<Image | undefined>;
  /** Puts an image in the place of this one. */
  readonly sink: ImageSink;
  /** An index of images for several platforms in this place; absent where none can be. */
  readonly indexes?: IndexPlace;
}

/** A place that may have an index of images for several platforms. */
export interface IndexPlace {
  /** The index; undefined when there is none. */
  readonly read: () => Promise<Raw<Index> | undefined>;
  /** An image of the index. */
  readonly image: (entry: Descriptor) => Promise<Image | undefined>;
  /** Puts an image there without a name: only the index leads to it. */
  readonly put: (image: Image, options: WriteOptions | undefined) => Promise<WriteReport>;
  /** Puts an index, whose images are there, in the place of this one. */
  readonly write: (index: Raw<Index>) => Promise<void>;
}

/** A reference for an image that has none, because it is a file. */
export function fileReference(name: string): ImageRef {
  return { registry: "tspack.local", repository: "file", tag: "latest", digest: undefined, original: name };
}
