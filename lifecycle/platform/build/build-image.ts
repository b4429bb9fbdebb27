import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import { platformFeatures } from "../../cnb/api/platform.ts";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { Group } from "../../cnb/files/group.ts";
import type { ProjectMetadata } from "../../cnb/files/project-metadata.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { KeptTrees } from "../../layers/kept-trees.ts";
import type { Place } from "../../layers/place.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { analyze, selectRunImage } from "../../phases/analyze.ts";
import type { ExportResult } from "../../phases/export.ts";
import { readGroup, writeAnalyzed } from "../../phases/files.ts";
import { restore, type RestoreResult } from "../../phases/restore.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { AccessCheck, ImageSink, ImageSource } from "../../stores/store.ts";
import type { Builder } from "../builder/builder.ts";
import { builderAdditions } from "../buildpacks/additions.ts";
import type { BuilderChanges } from "../buildpacks/builder-changes.ts";
import { withDetectRefusals } from "../detect-refusals.ts";
import { privateDirectory } from "../places.ts";
import { removeTree } from "../rootfs.ts";
import type { Runner, RunnerDirectories, RunnerJob, RunnerVolume } from "../runners/runner.ts";
import type { Settings } from "../settings.ts";
import { withRunImageMirrors } from "../settings/apply-settings.ts";
import { type ApplicationInputs, bringApplication } from "./bring-application.ts";
import type { BuildCache } from "./build-cache.ts";
import { type ExtendedImages, extendImages } from "./extend-images.ts";
import { openLayerTrees } from "./layer-trees.ts";
import { type PlatformDirectoryInputs, writePlatformDirectory } from "./platform-directory.ts";
import type { EventContext } from "./event-context.ts";
import { exportBuilt } from "./export-built.ts";
import { copySboms } from "./sbom-output.ts";
import { Stopwatch, type PhaseTime } from "./stopwatch.ts";
import { refuseTraps } from "./untrusted.ts";
import { placeVolumes } from "./volumes.ts";
import { workDirectory } from "../work-directory.ts";

/** What is built. */
export interface BuildImageInputs extends Pick<PlatformDirectoryInputs, "bindings" | "bindingsMounted"> {
  /** Every name that the image gets, the main one first. */
  readonly names: readonly ImageRef[];
  /** The application's directory and what of it takes part; it is copied, never changed. */
  readonly application: ApplicationInputs;
  /** Where the source comes from, for the label. */
  readonly project: ProjectMetadata | undefined;
  readonly builder: Builder;
  /** Buildpacks that the builder does not have, and another order. */
  readonly changes: BuilderChanges | undefined;
  /** The application's directory in the builder and in the image. */
  readonly workspace: string;
  /** `--run-image`; undefined: what the builder names. */
  readonly runImage: string | undefined;
  /** The person's own mirrors of run images. */
  readonly runImageMirrors: Settings["runImageMirrors"];
  /** `--previous-image`; undefined: the image of the first name. */
  readonly previousImage: ImageRef | undefined;
  /** Variables for buildpacks: files of `<platform>/env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the phases themselves: proxies. */
  readonly phaseEnv: Readonly<Record<string, string>>;
  /** Certificates in PEM that this machine trusts, for buildpacks that download. */
  readonly certificates: string | undefined;
  readonly volumes: readonly RunnerVolume[];
  readonly network: boolean;
  readonly defaultProcess: string | undefined;
  readonly execEnv: string | undefined;
  readonly sourceDateEpoch: string | undefined;
  /** Where the bills of materials are copied to. */
  readonly sbomOutputDir: string | undefined;
  /** Layers that look untouched are read, too, and compared. */
  readonly verifyLayers: boolean;
  /** Nothing is written: neither the image nor the cache. */
  readonly dryRun: boolean;
  /** Layers that are packed at a time. */
  readonly layersAtOnce: number;
  readonly verbose: boolean;
}

/** What building works with. */
export interface BuildImagePorts {
  /** Where base and previous images are read from. */
  readonly images: ImageSource;
  readonly sink: ImageSink;
  /** Of the registry that the image goes to; undefined for the local store. */
  readonly access: AccessCheck | undefined;
  readonly runner: Runner;
  readonly blobs: BlobCache;
  /** Work of running builds; each gets a private directory in it. */
  readonly buildsDir: string;
  readonly cache: BuildCache;
  readonly ctx: EventContext;
}

/** What a build did. */
export interface BuiltImage extends ExportResult {
  readonly group: readonly { readonly id: string; readonly version: string }[];
  readonly restored: RestoreResult;
  readonly times: readonly PhaseTime[];
}

/** Builds an application image: the phases of the specification, buildpacks in the runner. DESIGN §3, §7. */
export async function buildImage(inputs: BuildImageInputs, ports: BuildImagePorts): Promise<BuiltImage> {
  const work = await workDirectory(ports.buildsDir, "build-", ports.ctx.clock());
  const directories = ports.runner.directories(work);
  try {
    return await buildIn(directories, join(work, "additions"), inputs, ports);
  } finally {
    await removeTree(directories.platform.path);
    await removeTree(work);
  }
}

async function buildIn(
  directories: RunnerDirectories,
  additionsDir: string,
  inputs: BuildImageInputs,
  ports: BuildImagePorts,
): Promise<BuiltImage> {
  const { builder } = inputs;
  const { ctx, runner } = ports;
  const watch = new Stopwatch(ctx);
  const parents = { ...builder.user, mode: 0o755 };
  const app: Place = { path: directories.app, name: inputs.workspace, parents };
  const layers: Place = { path: directories.layers, name: "/layers", parents };
  for (const path of [app.path, layers.path])
    await requireEmpty(await privateDirectory(path), inputs.application.appDir);
  await writePlatformDirectory(directories.platform, inputs);
  const job: RunnerJob = {
    builder,
    additions: await builderAdditions(inputs.changes, additionsDir),
    app,
    layers,
    platform: directories.platform,
    volumes: await placeVolumes(inputs.volumes, directories.platform),
    network: inputs.network,
    env: inputs.execEnv === undefined ? inputs.phaseEnv : { ...inputs.phaseEnv, CNB_EXEC_ENV: inputs.execEnv },
    verbose: inputs.verbose,
    output: (line, stream) => ctx.output(line, stream),
  };
  await bringApplication(inputs.application, app.path, ctx);
  // What was analyzed and detected is kept here: buildpacks can write the files that say it.
  const before = await watch.time("analyze", () => analyzeIn(layers, inputs, ports));
  await watch.time("detect", () => withDetectRefusals(job, (told) => runner.run("detect", told, ctx)));
  await refuseTraps(layers.path);
  const detected = readGroup(join(layers.path, "group.toml"));
  const extended = await extendIn(before, detected, layers, watch, inputs, ports);
  const { analyzed, extendedRunImage } = extended;
  const ofLayers = { layers, owner: builder.user, verifyLayers: inputs.verifyLayers };
  const trees = openLayerTrees(ofLayers, ports.cache, ctx);
  // One view for both phases: what it has verified once is not read again.
  const cache = await ports.cache.open();
  const restored = await watch.time("restore", () =>
    restoreIn({ layers, analyzed, detected }, inputs, cache, trees.trees, ctx),
  );
  await watch.time("build", () => runner.run("build", { ...job, builder: extended.builder }, ctx));
  await refuseTraps(layers.path);
  const built = ctx.clock().getTime();
  const exported = await watch.time("export", () =>
    exportBuilt({ app, layers, analyzed, detected, extendedRunImage }, inputs, cache, trees, ports),
  );
  if (!inputs.dryRun) await trees.trees?.keep(built, ctx.signal);
  if (inputs.sbomOutputDir !== undefined) await copySboms(layers.path, inputs.sbomOutputDir);
  return { ...exported, group: detected.group, restored, times: watch.times };
}

/** In place, the directories are the container's: what an earlier build left would get into the image. */
async function requireEmpty(path: string, appDir: string): Promise<void> {
  if (path === appDir || (await readdir(path)).length === 0) return;
  throw new TspackError("INVALID_ARGUMENTS", `${path} is not empty`, {
    hint: `--runner in-place builds in ${path}; empty it, or give the application that is there with --path ${path}`,
  });
}

/** What the phases before say to those after them. */
export interface Detected {
  readonly layers: Place;
  readonly analyzed: Analyzed;
  readonly detected: Group;
}

async function analyzeIn(
  layers: Place,
  { builder, names, ...inputs }: BuildImageInputs,
  ports: BuildImagePorts,
): Promise<Analyzed> {
  const features = platformFeatures(builder.platformApi);
  const [output] = names;
  if (output === undefined) throw new Error("an image needs a name");
  const { images, access, ctx } = ports;
  const runImage = await selectRunImage(
    { features, given: inputs.runImage, declared: withRunImageMirrors(builder.runImages[0], inputs), output },
    undefined,
  );
  const previousImage = inputs.previousImage ?? output;
  const analyzed = await analyze(
    {
      features,
      outputImages: names,
      previousImage,
      runImage,
      cacheImage: ports.cache.image,
      layers,
      skipLayers: false,
    },
    { images, access, ctx },
  );
  writeAnalyzed(join(layers.path, "analyzed.toml"), analyzed, ctx.logger);
  return analyzed;
}

async function extendIn(
  analyzed: Analyzed,
  { groupExtensions: extensions }: Group,
  layers: Place,
  watch: Stopwatch,
  { builder, changes }: BuildImageInputs,
  ports: BuildImagePorts,
): Promise<ExtendedImages> {
  if (extensions.length === 0) return { analyzed, builder, extendedRunImage: undefined };
  const features = platformFeatures(builder.platformApi);
  const layersDir = layers.path;
  return watch.time("extend", () =>
    extendImages({ features, extensions, builder, changes, analyzed, layersDir }, ports),
  );
}

async function restoreIn(
  { layers, analyzed: { metadata }, detected: { group } }: Detected,
  { builder }: BuildImageInputs,
  cache: LayerCache,
  trees: KeptTrees | undefined,
  ctx: Context,
): Promise<RestoreResult> {
  const features = platformFeatures(builder.platformApi);
  return restore({ features, buildpacks: group, metadata, layers, skipLayers: false }, { cache, trees, ctx });
}
