import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import { type BuildMetadata, decodeBuildMetadata } from "../../cnb/files/metadata-toml.ts";
import { decodeProjectMetadata, type ProjectMetadata } from "../../cnb/files/project-metadata.ts";
import { encodeReport } from "../../cnb/files/report.ts";
import { lifecycleVersion } from "../../distribution/version.ts";
import { TspackError } from "../../errors.ts";
import { runImageForExport } from "../../cnb/run-image.ts";
import { maybeReference } from "../../oci/reference.ts";
import { analyzedImages } from "../../phases/export/analyzed-images.ts";
import { exportImage, type ExportInputs, type ExtendedRunImage } from "../../phases/export.ts";
import { readAnalyzed, readGroup, readSpecFile, writeTextFile } from "../../phases/files.ts";
import { checkGroupApis } from "../../phases/buildpack-store.ts";
import { builderUser, dropPrivileges, ensureWritable, placeInImage } from "./privileges.ts";
import { declaredRunImages } from "./run-images.ts";
import { guardExperimental, invalidArguments, type PhaseRun, type Session } from "./session.ts";
import {
  openCache,
  openKnown,
  openLaunchCache,
  openStores,
  outputReferences,
  type PhaseStores,
  readLimits,
  readingThrough,
  warnOfLaunchCache,
  warnWithoutCache,
  withTemporaryBlobs,
} from "./stores.ts";

/** `exporter`: makes the app image of what build left. Platform specification, exporter. */
export const runExport: PhaseRun = async (session) => {
  const { options, args, given, ctx } = session;
  if (args.length === 0)
    throw invalidArguments(
      "parse arguments: at least one image argument is required",
      "name the app image, after all flags",
    );
  if (given.has("run-image"))
    throw invalidArguments(
      "resolve inputs: -run-image is unsupported",
      "the run image is the one that the analyzer found; give it -run-image",
    );
  if (given.has("image"))
    throw invalidArguments(
      "resolve inputs: -image is unsupported",
      "the run image is the one that the analyzer found; give it -run-image",
    );
  warnWithoutCache(session);
  warnOfLaunchCache(session);
  outputReferences(args, session);
  const analyzed = readAnalyzed(options.analyzed, ctx.logger);
  const stores = await openStores(session);
  ensureWritable(session, [options.cacheDir, options.launchCache, options.fingerprints]);
  dropPrivileges(session);
  const { group } = readGroup(options.group);
  checkGroupApis(group);
  const extendedRunImage = await openExtendedRunImage(session);
  await exportPhase(session, { names: args, stores, analyzed, group, extendedRunImage });
};

/** What the extender left in `<extended>/run`, the only thing there; undefined without it. Throws `INVALID_IMAGE`. */
async function openExtendedRunImage(session: Session): Promise<ExtendedRunImage | undefined> {
  const { features, options } = session;
  const parent = join(options.extended, "run");
  if (!features.runImageExtension || !existsSync(parent)) return undefined;
  const [name, ...others] = readdirSync(parent);
  if (name === undefined) return undefined;
  if (features.experimentalDockerfiles) guardExperimental(session, "Dockerfiles");
  const { readSparseLayout } = await import("../../stores/layout/sparse.ts");
  const image = others.length === 0 ? await readSparseLayout(join(parent, name)) : undefined;
  if (image !== undefined) return image;
  const found = others.length === 0 ? `no OCI layout in ${name}` : `found ${others.length + 1}`;
  throw new TspackError("INVALID_IMAGE", `expected directory "${parent}" to have only 1 item, an image; ${found}`, {
    hint: "empty it and run the extender again",
  });
}

/** What earlier phases left for the exporter. */
interface ExportWork {
  readonly names: readonly string[];
  readonly stores: PhaseStores;
  readonly analyzed: Analyzed;
  readonly group: readonly GroupElement[];
  readonly extendedRunImage: ExtendedRunImage | undefined;
}

/** Exports with the inputs of a session, and writes `report.toml`. */
async function exportPhase(session: Session, work: ExportWork): Promise<void> {
  const { names, stores, analyzed, group, extendedRunImage } = work;
  const { options, ctx } = session;
  const cache = await openCache(session, stores.registries);
  const launchCache = await openLaunchCache(session);
  const images = await readingThrough(stores.images, launchCache);
  const settings = exportSettings(session, names, stores);
  const refs = analyzedImages(analyzed, stores.layoutDir);
  const declared = declaredRunImages(session);
  const metadata = readBuildMetadata(session);
  await withTemporaryBlobs(session, async (blobs) => {
    const inputs = {
      ...settings,
      ...refs,
      buildpacks: group,
      metadata,
      analyzed,
      extendedRunImage,
      runImageForExport: runImageForExport(
        declared,
        analyzed.runImage?.image ?? "",
        metadata.extensions.length > 0,
        maybeReference,
      ),
    };
    const ports = { images, sink: stores.images, blobs, cache, launchCache, known: openKnown(session), ctx };
    const { report } = await exportImage(inputs, ports);
    writeTextFile(options.report, encodeReport(report));
  });
}

function readBuildMetadata({ options }: Session): BuildMetadata {
  try {
    return readSpecFile(join(options.layers, "config/metadata.toml"), "build metadata", decodeBuildMetadata);
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    throw new TspackError("EXPORT_FAILED", `failed to export: read build metadata: ${cause.message}`, {
      cause,
      hint: cause.hint ?? "run the builder first",
    });
  }
}

/** What export is told by flags and variables, whichever command runs it. */
export function exportSettings(
  session: Session,
  names: readonly string[],
  stores: PhaseStores,
): Omit<ExportInputs, "buildpacks" | "metadata" | "analyzed" | "runImage" | "runImageForExport" | "previousImage"> {
  const { features, options, env } = session;
  return {
    features,
    app: placeInImage(session, options.app),
    layers: placeInImage(session, options.layers),
    owner: builderUser(session),
    launcher: {
      path: options.launcher,
      sbomDir: options.launcherSbom,
      version: lifecycleVersion,
    },
    outputImages: outputReferences(names, session),
    project: readProject(session),
    defaultProcessType: options.processType,
    execEnv: features.execEnv ? options.execEnv : undefined,
    sourceDateEpoch: env["SOURCE_DATE_EPOCH"],
    parallel: options.parallel,
    layersAtOnce: readLimits(session).layers,
    layoutDir: stores.layoutDir,
  };
}

function readProject({ options, ctx }: Session): ProjectMetadata | undefined {
  if (existsSync(options.projectMetadata))
    return readSpecFile(options.projectMetadata, "project metadata", decodeProjectMetadata);
  ctx.logger.debug(
    `No project metadata found at path ${JSON.stringify(options.projectMetadata)}, project metadata will not be exported`,
  );
  return undefined;
}
