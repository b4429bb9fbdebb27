import type { Digest } from "./digest.ts";
import type { ImageConfig } from "./image-config.ts";
import type { Layer } from "./layer.ts";
import type { Manifest } from "./manifest.ts";
import type { ImageParts } from "./memory-image.ts";
import type { Raw } from "./raw.ts";

export type { Raw } from "./raw.ts";

/** A read-only, lazy view of one image for one platform. */
export interface Image {
  manifest(): Promise<Raw<Manifest>>;
  config(): Promise<Raw<ImageConfig>>;
  /** Base layer first. */
  layers(): Promise<readonly Layer[]>;
  /**
   * Only of an image in a container engine: the ID that the engine knows it by. Such an image
   * may have no manifest of its own, and `manifest()` then reads every layer.
   */
  readonly engineId?: Digest;
  /** Only of an image that was chosen from an index by its platform: the digest of the index. */
  readonly fromIndex?: Digest;
  /** What the image is made of, where that is known without its manifest, which costs the blobs of all layers. */
  parts?(): Promise<ImageParts>;
}
