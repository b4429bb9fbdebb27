import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Context } from "../../context.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { AccessCheck, ImageSink, ImageSource } from "../../stores/store.ts";

/** What is rebased. Platform specification, rebaser. */
export interface RebaseInputs {
  readonly features: PlatformFeatures;
  /** The image as it is: `-previous-image`, else the first output image. */
  readonly appImage: ImageRef;
  /** Every name that the rebased image gets, the main one first. */
  readonly outputImages: readonly ImageRef[];
  /** `-run-image`; undefined: the image or the best mirror that the app image's label names. */
  readonly runImage: ImageRef | undefined;
  /** `-force`: warn where it would be refused. Platform API 0.12. */
  readonly force: boolean;
  /**
   * Whether a new run image is accepted that is of the repository of a recorded one: another tag of the
   * same thing. The lifecycle does not, as the reference; platforms may know better.
   */
  readonly sameRepository?: boolean | undefined;
  /** Everything but the writing is done. */
  readonly dryRun?: boolean | undefined;
  /** Where images are when they are kept as OCI layouts: names in reports and labels are then paths. */
  readonly layoutDir?: string | undefined;
}

/** What rebasing works with. */
export interface RebasePorts {
  readonly images: ImageSource;
  readonly sink: ImageSink;
  /** Tells which mirrors can be read; absent: all that the source has. */
  readonly access?: AccessCheck | undefined;
  readonly ctx: Context;
}
