import { join } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import { platformFeatures } from "../../cnb/api/platform.ts";
import { decodeBuildMetadata } from "../../cnb/files/metadata-toml.ts";
import type { LauncherVersion } from "../../cnb/labels.ts";
import { runImageForExport } from "../../cnb/run-image.ts";
import { lifecycleVersion as ownVersion } from "../../distribution/version.ts";
import type { Place } from "../../layers/place.ts";
import { maybeReference } from "../../oci/reference.ts";
import { exportImage, type ExportResult } from "../../phases/export.ts";
import { analyzedImages } from "../../phases/export/analyzed-images.ts";
import { readSpecFile } from "../../phases/files.ts";
import type { Builder } from "../builder/builder.ts";
import { fileInRootfs } from "../rootfs-files.ts";
import type { BuildImageInputs, BuildImagePorts, Detected } from "./build-image.ts";
import type { ExtendedImages } from "./extend-images.ts";
import type { LayerTrees } from "./layer-trees.ts";

/** Exports what a build of `buildImage` left. Throws as `exportImage`. */
export async function exportBuilt(
  {
    app,
    layers,
    analyzed,
    detected,
    extendedRunImage,
  }: Detected & Pick<ExtendedImages, "extendedRunImage"> & { readonly app: Place },
  inputs: BuildImageInputs,
  cache: LayerCache,
  trees: LayerTrees,
  { ctx, blobs, images, sink }: BuildImagePorts,
): Promise<ExportResult> {
  const { builder } = inputs;
  const { group, groupExtensions } = detected;
  const metadata = readSpecFile(join(layers.path, "config/metadata.toml"), "build metadata", decodeBuildMetadata);
  const runToml = { images: builder.runImages };
  const lifecycleDir = fileInRootfs(builder.rootfs, "/cnb/lifecycle") ?? join(builder.rootfs, "cnb/lifecycle");
  return exportImage(
    {
      features: platformFeatures(builder.platformApi),
      buildpacks: group,
      metadata,
      analyzed,
      app,
      layers,
      owner: builder.user,
      launcher: {
        path: join(lifecycleDir, "launcher"),
        sbomDir: lifecycleDir,
        lifecycleDir,
        version: launcherVersion(builder),
      },
      outputImages: inputs.names,
      ...analyzedImages(analyzed, undefined),
      runImageForExport: runImageForExport(
        runToml,
        analyzed.runImage?.image ?? "",
        groupExtensions.length > 0,
        maybeReference,
      ),
      extendedRunImage,
      project: inputs.project,
      defaultProcessType: inputs.defaultProcess,
      execEnv: inputs.execEnv ?? "production",
      sourceDateEpoch: inputs.sourceDateEpoch,
      dryRun: inputs.dryRun,
      layersAtOnce: inputs.layersAtOnce,
    },
    { images, sink, blobs, cache, ...trees, ctx },
  );
}

/** The launcher is the builder's, which another lifecycle may have brought. */
function launcherVersion({ lifecycleVersion: version }: Builder): LauncherVersion {
  return version === ownVersion.version || version === "unknown" ? ownVersion : { version, repository: "", commit: "" };
}
