import type { Context } from "../../context.ts";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Place } from "../../layers/place.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { AccessCheck, ImageSource } from "../../stores/store.ts";

/** What analysis looks at. Platform specification, analyzer. */
export interface AnalyzeInputs {
  readonly features: PlatformFeatures;
  /** Every name that the app image will get, the main one first. */
  readonly outputImages: readonly ImageRef[];
  /** Where the layers of the last build are; the main output image when nothing else was said. */
  readonly previousImage: ImageRef | undefined;
  /** Chosen by `selectRunImage`; undefined when there is none, which export reports. */
  readonly runImage: ImageRef | undefined;
  /** Has to be writable, too. */
  readonly cacheImage: ImageRef | undefined;
  readonly layers: Place;
  /** `-skip-layers`: the SBOM of the previous image is not restored. */
  readonly skipLayers: boolean;
  /** Where images are when they are kept as OCI layouts: names in `analyzed.toml` are then paths. */
  readonly layoutDir?: string | undefined;
}

/** What analysis works with. */
export interface AnalyzePorts {
  /** The previous image and the run image come from here. */
  readonly images: ImageSource;
  /** Of the registry; absent when images are not in one. */
  readonly access?: AccessCheck | undefined;
  /** Of the registry of the cache image, which stays in a registry when the images are a layout. */
  readonly cacheAccess?: AccessCheck | undefined;
  readonly ctx: Context;
}
