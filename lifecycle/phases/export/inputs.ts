import type { LayerCache } from "../../cache/cache.ts";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import type { BuildMetadata } from "../../cnb/files/metadata-toml.ts";
import type { ProjectMetadata } from "../../cnb/files/project-metadata.ts";
import type { RunImageForExport } from "../../cnb/files/run-toml.ts";
import type { Context } from "../../context.ts";
import type { KeptTrees } from "../../layers/kept-trees.ts";
import type { KnownTrees } from "../../layers/known-trees.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { ImageSink, ImageSource } from "../../stores/store.ts";
import type { ExtendedRunImage } from "./extended-run-image.ts";

/** Which lifecycle built the image: the key `launcher` of the label `io.buildpacks.build.metadata`. */
export interface LifecycleVersion {
  readonly version: string;
  readonly repository: string;
  readonly commit: string;
}

/** The launcher that goes into the image, and what describes it. */
export interface LauncherFiles {
  /** The executable on this machine; in the image it is `/cnb/lifecycle/launcher`. */
  readonly path: string;
  /** `-launcher-sbom`; undefined: the files beside the lifecycle. Platform API 0.11. */
  readonly sbomDir?: string | undefined;
  /** Where `lifecycle.sbom.*.json` and `launcher.sbom.*.json` are looked for; `/cnb/lifecycle` for the lifecycle. */
  readonly lifecycleDir?: string | undefined;
  readonly version: LifecycleVersion;
}

/** What is exported. Platform specification, exporter. */
export interface ExportInputs {
  readonly features: PlatformFeatures;
  readonly buildpacks: readonly GroupElement[];
  /** What build wrote to `<layers>/config/metadata.toml`. */
  readonly metadata: BuildMetadata;
  readonly analyzed: Analyzed;
  readonly app: Place;
  readonly layers: Place;
  /** Owner of the files of the application and of the buildpacks' layers in the image. */
  readonly owner: Owner;
  readonly launcher: LauncherFiles;
  /** Every name that the image gets, the main one first. */
  readonly outputImages: readonly ImageRef[];
  /** `[run-image] reference` of `analyzed.toml`. */
  readonly runImage: ImageRef;
  /** What rebase will compare: from `run.toml`, below Platform API 0.12 from `stack.toml`. */
  readonly runImageForExport: RunImageForExport;
  /** `[image] reference` of `analyzed.toml`: where unchanged layers come from. */
  readonly previousImage: ImageRef | undefined;
  /** `project-metadata.toml`; undefined when there is none. */
  readonly project: ProjectMetadata | undefined;
  /** `-process-type`; empty or undefined: what the buildpacks said. */
  readonly defaultProcessType?: string | undefined;
  /** `CNB_EXEC_ENV`. Platform API 0.15. */
  readonly execEnv?: string | undefined;
  /** `SOURCE_DATE_EPOCH` as given; not a whole number: ignored with a warning. Platform API 0.9. */
  readonly sourceDateEpoch?: string | undefined;
  /** What the extender left; undefined without image extensions and below Platform API 0.12. */
  readonly extendedRunImage?: ExtendedRunImage | undefined;
  /** `-parallel`: the cache is written while the image is; else after it. */
  readonly parallel?: boolean | undefined;
  /** Layers of buildpacks that are packed at a time; what the usual memory has room for when absent. */
  readonly layersAtOnce?: number | undefined;
  /** Where images are when they are kept as OCI layouts: names in reports and labels are then paths. */
  readonly layoutDir?: string | undefined;
  /** Plan everything, write nothing: neither the image nor the cache. */
  readonly dryRun?: boolean | undefined;
}

/** What exporting works with. */
export interface ExportPorts {
  /** The run image and the previous image come from here. */
  readonly images: ImageSource;
  readonly sink: ImageSink;
  readonly blobs: BlobCache;
  /** Undefined when the platform gave none. */
  readonly cache: LayerCache | undefined;
  /** Told of each cached layer what it was packed from. */
  readonly trees?: KeptTrees | undefined;
  /** What is known of directories that an earlier build packed; told of those of this one. */
  readonly known?: KnownTrees | undefined;
  /** Where the image's own layers are kept for the next build, when a container engine has the images. */
  readonly launchCache?: LayerCache | undefined;
  readonly ctx: Context;
}
