import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Analyzed, AnalyzedRunImage } from "../../cnb/files/analyzed.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSource } from "../../stores/store.ts";
import { imageIdentifier } from "../analyze/naming.ts";
import { targetOf } from "../analyze/target.ts";
import { imageReference } from "../export/analyzed-images.ts";
import { isSystemError, reasonOf } from "../reason.ts";

/** What the restorer finds out about base images for the extender and the exporter. */
export interface BaseImageInputs {
  readonly features: PlatformFeatures;
  readonly analyzed: Analyzed;
  /** `-build-image`; undefined when the platform gave none. */
  readonly buildImage: ImageRef | undefined;
  /** Whether the group has extensions, which may have switched the run image. */
  readonly hasExtensions: boolean;
  /** Where images are when they are kept as OCI layouts. */
  readonly layoutDir: string | undefined;
}

/** What it works with. */
export interface BaseImagePorts {
  /** The run image comes from here. */
  readonly images: ImageSource;
  /** Images to extend come from registries, also when the app image goes into a container engine. */
  readonly registries: ImageSource;
  /** Keeps manifest and config of an image for the extender, which has no credentials. */
  readonly keep: (image: Image) => Promise<void>;
  readonly ctx: Context;
}

/**
 * Completes `analyzed.toml`: the build image with its digest, and the run image with digest and
 * target when extensions switched or extend it. Manifest and config of what will be extended are
 * kept. Platform specification, restorer. Throws `IMAGE_NOT_FOUND` and the registry's codes.
 */
export async function updateBaseImages(inputs: BaseImageInputs, ports: BaseImagePorts): Promise<Analyzed> {
  const withBuildImage = { ...inputs.analyzed, ...(await pullBuildImage(inputs, ports)) };
  const { runImage } = inputs.analyzed;
  if (runImage === undefined) return withBuildImage;
  const updated = await updateRunImage(runImage, inputs, ports);
  return updated === undefined ? withBuildImage : { ...withBuildImage, runImage: updated };
}

async function pullBuildImage(
  { features, buildImage }: BaseImageInputs,
  ports: BaseImagePorts,
): Promise<Pick<Analyzed, "buildImage">> {
  if (buildImage === undefined || !features.extensions) return {};
  ports.ctx.logger.debug(`Pulling builder image metadata for ${buildImage.original}...`);
  const image = await pull(buildImage, "builder", ports);
  return { buildImage: { reference: await imageIdentifier(buildImage, image, undefined) } };
}

async function updateRunImage(
  runImage: AnalyzedRunImage,
  { features, hasExtensions, layoutDir }: BaseImageInputs,
  ports: BaseImagePorts,
): Promise<AnalyzedRunImage | undefined> {
  const name = runImage.image ?? runImage.reference;
  const { logger } = ports.ctx;
  const isPulled = features.runImageExtension && runImage.extend === true;
  if (!isPulled && !(features.extensions && hasExtensions && (runImage.target?.os ?? "") === "")) return undefined;
  const ref = imageReference(name, "run-image.image", layoutDir);
  logger.debug(
    isPulled ? `Pulling run image metadata for ${name}...` : "Updating run image info in analyzed metadata...",
  );
  // Layouts have their run images on this machine already. An engine does not tell the manifest that the extender needs.
  const image = isPulled
    ? await pull(ref, "run", layoutDir === undefined ? ports : { ...ports, registries: ports.images })
    : await find(ref, ports);
  return {
    ...runImage,
    reference: await imageIdentifier(ref, image, layoutDir),
    ...(features.targets ? { target: await targetOf(image) } : {}),
  };
}

async function pull(
  ref: ImageRef,
  what: "builder" | "run",
  { registries, keep }: Pick<BaseImagePorts, "registries" | "keep">,
): Promise<Image> {
  try {
    const image = await registries.resolve(ref);
    if (image === undefined) throw notFound("failed to get remote image");
    await keep(image);
    return image;
  } catch (cause) {
    throw failure(cause, `failed to pull ${what} image ${ref.original}`);
  }
}

async function find(ref: ImageRef, { images }: Pick<BaseImagePorts, "images">): Promise<Image> {
  try {
    const image = await images.resolve(ref);
    if (image === undefined) throw notFound("it was not found");
    return image;
  } catch (cause) {
    throw failure(cause, `failed to get run image ${ref.original}`);
  }
}

function notFound(message: string): TspackError {
  return new TspackError("IMAGE_NOT_FOUND", message, { hint: "check the image's name, and log in to its registry" });
}

function failure(cause: unknown, doing: string): unknown {
  if (cause instanceof TspackError) {
    if (cause.code === "CANCELED") return cause;
    return new TspackError(cause.code, `${doing}: ${cause.message}`, { cause, hint: cause.hint });
  }
  if (!isSystemError(cause)) return cause;
  const hint = "mount a writable directory there, or name another one by CNB_KANIKO_DIR";
  return new TspackError("FILE_NOT_FOUND", `${doing}: failed to create cache directory: ${reasonOf(cause)}`, {
    cause,
    hint,
  });
}
