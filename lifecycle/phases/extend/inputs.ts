import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import type { Context } from "../../context.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageKind } from "./generated-files.ts";

/** What is extended. Platform specification, extender. */
export interface ExtendInputs {
  readonly features: PlatformFeatures;
  readonly kind: ImageKind;
  /** The extensions of the group, in order. */
  readonly extensions: readonly GroupElement[];
  /** `<generated>`: where their Dockerfiles are. */
  readonly generatedDir: string;
}

/** What extending works with: no registry, because the restorer has kept what is needed of the base image. */
export interface ExtendPorts {
  /** The image to extend, manifest and config. Throws `EXTEND_FAILED` when the restorer did not keep it. */
  readonly base: () => Promise<Image>;
  /** A new value of the build argument `build_id`, a UUID. */
  readonly buildId: () => string;
  readonly ctx: Context;
}

/** What extending did. */
export interface ExtendResult {
  /** The extended image; undefined for a build image that no Dockerfile is for. */
  readonly image: Image | undefined;
}
