import type { ImageConfig } from "./image-config.ts";
import type { Layer } from "./layer.ts";
import type { Manifest } from "./manifest.ts";
import type { Raw } from "./raw.ts";

export type { Raw } from "./raw.ts";

/** A read-only, lazy view of one image for one platform. */
export interface Image {
  manifest(): Promise<Raw<Manifest>>;
  config(): Promise<Raw<ImageConfig>>;
  /** Base layer first. */
  layers(): Promise<readonly Layer[]>;
}
