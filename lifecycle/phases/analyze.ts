import type { Analyzed, AnalyzedRunImage } from "../cnb/files/analyzed.ts";
import type { LayersMetadata } from "../cnb/files/lifecycle-metadata.ts";
import { TspackError } from "../errors.ts";
import type { Image } from "../oci/image.ts";
import type { ImageRef } from "../oci/reference.ts";
import { checkRegistryAccess } from "./analyze/access.ts";
import type { AnalyzeInputs, AnalyzePorts } from "./analyze/inputs.ts";
import { imageIdentifier, imageName } from "./analyze/naming.ts";
import { previousMetadata, restoreSbomLayer } from "./analyze/previous-image.ts";
import { targetOf } from "./analyze/target.ts";
import { noLayersMetadata } from "./no-layers-metadata.ts";

export type { AnalyzeInputs, AnalyzePorts } from "./analyze/inputs.ts";
export { layoutPath } from "./analyze/naming.ts";
export { type RunImageChoice, selectRunImage } from "./analyze/run-image.ts";

/**
 * Looks at the previous image and the run image: what `analyzed.toml` says. The SBOM layer of the
 * previous image is unpacked into the layers directory. Platform specification, analyzer.
 * Throws `ANALYZE_FAILED`.
 */
export async function analyze(inputs: AnalyzeInputs, ports: AnalyzePorts): Promise<Analyzed> {
  const previousRef = inputs.previousImage ?? inputs.outputImages[0];
  await checkRegistryAccess(inputs, ports, previousRef);
  const previousImage = await resolve(previousRef, "previous image", ports);
  const runImage = await resolve(inputs.runImage, "run image", ports);
  const previous = await analyzePrevious(previousRef, previousImage, inputs, ports);
  if (previousImage !== undefined && inputs.features.sbom && !inputs.skipLayers) {
    const sha = previous.metadata.sbom?.sha ?? "";
    if (sha !== "") await restoreSbomLayer(previousImage, sha, inputs.layers, ports.ctx);
  }
  return {
    previousImage: { reference: previous.reference },
    metadata: previous.metadata,
    runImage: await analyzeRunImage(inputs.runImage, runImage, inputs, ports),
  };
}

async function resolve(
  ref: ImageRef | undefined,
  what: "previous image" | "run image",
  { images }: AnalyzePorts,
): Promise<Image | undefined> {
  if (ref === undefined) return undefined;
  try {
    return await images.resolve(ref);
  } catch (cause) {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    throw new TspackError("ANALYZE_FAILED", `failed to initialize analyzer: getting ${what}: ${cause.message}`, {
      cause,
    });
  }
}

async function analyzePrevious(
  ref: ImageRef | undefined,
  image: Image | undefined,
  inputs: AnalyzeInputs,
  { ctx }: AnalyzePorts,
): Promise<{ readonly reference: string; readonly metadata: LayersMetadata }> {
  if (ref === undefined) return { reference: "", metadata: noLayersMetadata };
  const reference = await identify(ref, image, inputs, ctx.logger);
  if (image === undefined) return { reference, metadata: noLayersMetadata };
  const { metadata, valid } = await previousMetadata(image, ctx);
  return { reference: valid ? reference : "", metadata };
}

async function analyzeRunImage(
  ref: ImageRef | undefined,
  image: Image | undefined,
  inputs: AnalyzeInputs,
  { ctx }: AnalyzePorts,
): Promise<AnalyzedRunImage> {
  if (ref === undefined) return { reference: "" };
  const reference = await identify(ref, image, inputs, ctx.logger);
  if (!inputs.features.targets) return { reference };
  // An image that is not there yet is export's business; until then it is what most are.
  const target = image === undefined ? { os: "linux", arch: "amd64" } : await targetOf(image);
  if (target.os === "") {
    throw new TspackError("ANALYZE_FAILED", "failed to analyze: failed to find OS in run image config", {
      hint: `the config of ${ref.original} needs "os"`,
    });
  }
  return { reference, image: imageName(ref, inputs.layoutDir), target };
}

async function identify(
  ref: ImageRef,
  image: Image | undefined,
  { layoutDir }: AnalyzeInputs,
  logger: AnalyzePorts["ctx"]["logger"],
): Promise<string> {
  if (image === undefined) {
    logger.info(`Image with name ${JSON.stringify(imageName(ref, layoutDir))} not found`);
    return "";
  }
  const identifier = await imageIdentifier(ref, image, layoutDir);
  logger.debug(`Found image with identifier ${JSON.stringify(identifier)}`);
  return identifier;
}
