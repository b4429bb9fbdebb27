import type { Digest } from "./digest.ts";
import type { ImageConfig } from "./image-config.ts";
import type { Layer } from "./layer.ts";
import type { Manifest } from "./manifest.ts";

/** A decoded document with the bytes it was read from, which are never serialized again. */
export interface Raw<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** A read-only, lazy view of one image for one platform. */
export interface Image {
  manifest(): Promise<Raw<Manifest>>;
  config(): Promise<Raw<ImageConfig>>;
  /** Base layer first. */
  layers(): Promise<readonly Layer[]>;
}
