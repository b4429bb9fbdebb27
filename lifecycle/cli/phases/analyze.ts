import { here } from "../../layers/place.ts";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import { analyze, selectRunImage } from "../../phases/analyze.ts";
import { writeAnalyzed } from "../../phases/files.ts";
import { dropPrivileges, ensureWritable } from "./privileges.ts";
import { declaredRunImage } from "./run-images.ts";
import { invalidArguments, type PhaseRun, type Session } from "./session.ts";
import { openStores, outputReferences, type PhaseStores, reference, warnOfLaunchCache } from "./stores.ts";

/** `analyzer`: what the previous image and the run image are. Platform specification, analyzer. */
export const runAnalyze: PhaseRun = async (session) => {
  const image = oneImage(session);
  const plan = await planAnalysis(session, image);
  ensureWritable(session, [session.options.layers, session.options.cacheDir, session.options.launchCache]);
  dropPrivileges(session);
  await plan();
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

/** Resolves the images as `ResolveInputs` of the reference does, and returns the work that remains. */
export async function planAnalysis(
  session: Session,
  image: string,
  opened?: PhaseStores,
): Promise<() => Promise<Analyzed>> {
  const { features, options, ctx } = session;
  warnOfLaunchCache(session);
  const outputImages = outputReferences([image, ...options.tag]);
  const stores = opened ?? (await openStores(session));
  const [output] = outputImages;
  if (output === undefined) throw invalidArguments("resolve inputs: image argument is required");
  const declared = options.runImage === "" ? declaredRunImage(session) : undefined;
  const runImage = await selectRunImage({ features, given: options.runImage, declared, output }, stores.access);
  const previousImage = options.previousImage === "" ? output : reference(options.previousImage, "-previous-image");
  const cacheImage = options.cacheImage === "" ? undefined : reference(options.cacheImage, "-cache-image");
  const inputs = {
    features,
    outputImages,
    previousImage,
    runImage,
    cacheImage,
    layers: here(options.layers),
    skipLayers: options.skipLayers,
    layoutDir: stores.layoutDir,
  };
  return async () => {
    const analyzed = await analyze(inputs, {
      images: stores.images,
      access: stores.access,
      cacheAccess: stores.registries,
      ctx,
    });
    writeAnalyzed(options.analyzed, analyzed, ctx.logger);
    return analyzed;
  };
}
