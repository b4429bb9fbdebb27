import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSink } from "../../stores/store.ts";

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
}

/** A reference for an image that has none, because it is a file. */
export function fileReference(name: string): ImageRef {
  return { registry: "tspack.local", repository: "file", tag: "latest", digest: undefined, original: name };
}
