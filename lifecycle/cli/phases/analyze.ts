import { here } from "../../layers/place.ts";
import { analyze, type AnalyzeInputs, selectRunImage } from "../../phases/analyze.ts";
import { writeAnalyzed } from "../../phases/files.ts";
import { dropPrivileges, ensureWritable } from "./privileges.ts";
import { declaredRunImage } from "./run-images.ts";
import { invalidArguments, type PhaseRun, type Session } from "./session.ts";
import {
  openLaunchCache,
  openStores,
  outputReferences,
  type PhaseStores,
  readingThrough,
  reference,
  warnOfLaunchCache,
} from "./stores.ts";
import { warnOfParallel } from "./warn-of-parallel.ts";

/** `analyzer`: what the previous image and the run image are. Platform specification, analyzer. */
export const runAnalyze: PhaseRun = async (session) => {
  const { options, ctx } = session;
  const image = oneImage(session);
  warnOfLaunchCache(session);
  warnOfParallel(session);
  const stores = await openStores(session);
  const inputs = await analysisInputs(session, image, stores);
  ensureWritable(session, [options.layers, options.cacheDir, options.launchCache]);
  dropPrivileges(session);
  const images = await readingThrough(stores.images, await openLaunchCache(session));
  const ports = { images, access: stores.access, cacheAccess: stores.registries, ctx };
  writeAnalyzed(options.analyzed, await analyze(inputs, ports), ctx.logger);
};

/** The image argument. Throws `INVALID_ARGUMENTS` unless there is exactly one. */
export function oneImage({ args }: Session): string {
  const [image] = args;
  if (args.length === 1 && image !== undefined && image !== "") return image;
  if (args.length === 1) throw invalidArguments("resolve inputs: image argument is required");
  throw invalidArguments(
    `parse arguments: received ${args.length} arguments, but expected 1`,
    "name the app image, after all flags",
  );
}

/** Resolves the images that the analyzer looks at. Throws `INVALID_ARGUMENTS`, `INVALID_REFERENCE`. */
export async function analysisInputs(session: Session, image: string, stores: PhaseStores): Promise<AnalyzeInputs> {
  const { features, options } = session;
  const outputImages = outputReferences([image, ...options.tag], session);
  const [output] = outputImages;
  if (output === undefined) throw invalidArguments("resolve inputs: image argument is required");
  const declared = options.runImage === "" ? declaredRunImage(session) : undefined;
  return {
    features,
    outputImages,
    previousImage: options.previousImage === "" ? output : reference(options.previousImage, "-previous-image"),
    runImage: await selectRunImage({ features, given: options.runImage, declared, output }, stores.access),
    cacheImage: options.cacheImage === "" ? undefined : reference(options.cacheImage, "-cache-image"),
    layers: here(options.layers),
    skipLayers: options.skipLayers || options.skipRestore,
    layoutDir: stores.layoutDir,
  };
}
