import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { RunToml } from "../../cnb/files/run-toml.ts";
import { hasName } from "../../cnb/run-image.ts";
import type { Logger } from "../../logger.ts";
import { maybeReference } from "../../oci/reference.ts";
import type { GeneratedDockerfile } from "./outputs.ts";

/** What all Dockerfiles of the run image together do. */
export interface RunImageSwitch {
  /** The image that the last `FROM` with a name switches to; undefined without one. */
  readonly newBase: string | undefined;
  readonly extend: boolean;
  /** Dockerfiles before that `FROM`: what they make is not in the image. */
  readonly void: readonly GeneratedDockerfile[];
}

/** Finds the run image that is left in the end. */
export function runImageSwitch(dockerfiles: readonly GeneratedDockerfile[]): RunImageSwitch {
  const ofRun = dockerfiles.filter(({ kind }) => kind === "run");
  const last = ofRun.findLastIndex(({ newBase }) => newBase !== undefined);
  const counting = ofRun.slice(Math.max(last, 0));
  return {
    newBase: ofRun[last]?.newBase,
    extend: counting.some(({ extend }) => extend),
    void: ofRun.slice(0, Math.max(last, 0)),
  };
}

/**
 * `analyzed.toml` after the switch. Nothing is known of a new run image, so its target goes; the
 * restorer finds it out. Platform specification, detector.
 */
export function switchRunImage(
  analyzed: Analyzed,
  { newBase, extend }: RunImageSwitch,
  { features, runToml }: { readonly features: PlatformFeatures; readonly runToml: RunToml },
  logger: Logger,
): Analyzed {
  // The name counts as the extension wrote it: a digest makes it another image.
  const isNew = newBase !== undefined && (!features.runToml || newBase !== analyzed.runImage?.image);
  if (isNew) {
    if (!runToml.images.some((image) => hasName(image, newBase, maybeReference))) {
      logger.warn(`new runtime base image '${newBase}' not found in run metadata`);
    }
    logger.debug(`Updating analyzed metadata with new run image '${newBase}'`);
    return { ...analyzed, runImage: { reference: newBase, image: newBase, ...(extend ? { extend } : {}) } };
  }
  if (!extend || analyzed.runImage === undefined) return analyzed;
  logger.debug("Updating analyzed metadata to indicate run image extension");
  return { ...analyzed, runImage: { ...analyzed.runImage, extend } };
}
