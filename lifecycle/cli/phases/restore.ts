import { join } from "node:path";
import type { Analyzed } from "../../cnb/files/analyzed.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { readAnalyzed, readGroup, writeAnalyzed } from "../../phases/files.ts";
import { noLayersMetadata } from "../../phases/no-layers-metadata.ts";
import { type BaseImageInputs, checkRunImage, restore, updateBaseImages } from "../../phases/restore.ts";
import { checkGroupApis } from "../../phases/buildpack-store.ts";
import { dropPrivileges, ensureWritable, placeInImage } from "./privileges.ts";
import { declaredRunImages } from "./run-images.ts";
import { type PhaseRun, refuseArguments, type Session } from "./session.ts";
import { openCache, openKnown, openStores, type PhaseStores, reference, warnWithoutCache } from "./stores.ts";

/** `restorer`: gives buildpacks back what the last build left. Platform specification, restorer. */
export const runRestore: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "Args");
  warnWithoutCache(session);
  const stores = await openStores(session);
  const buildImage = options.buildImage === "" ? undefined : reference(options.buildImage, "-build-image");
  ensureWritable(session, [options.layers, options.cacheDir]);
  if (buildImage !== undefined || session.user.uid === 0) ensureWritable(session, [options.kanikoDir]);
  dropPrivileges(session);
  const { group, groupExtensions } = readGroup(options.group);
  checkGroupApis([...group, ...groupExtensions]);
  const analyzed = usableAnalyzed(session);
  if (analyzed !== undefined) {
    if (features.restorerChecksRunImage) {
      await checkRunImage(analyzed.runImage?.image ?? "", declaredRunImages(session), stores.access);
    }
    const hasExtensions = groupExtensions.length > 0;
    await completeAnalyzed(
      session,
      { features, analyzed, buildImage, hasExtensions, layoutDir: stores.layoutDir },
      stores,
    );
  }
  const cache = await openCache(session, stores.registries);
  const metadata = analyzed?.metadata ?? noLayersMetadata;
  await restore(
    {
      features,
      buildpacks: group,
      metadata,
      layers: placeInImage(session, options.layers),
      skipLayers: options.skipLayers,
    },
    { cache, known: openKnown(session), ctx },
  );
};

/** What analysis found; a file that is no good is warned about, as the cache is worth restoring without it. */
function usableAnalyzed({ options, ctx }: Session): Analyzed | undefined {
  try {
    return readAnalyzed(options.analyzed, ctx.logger);
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    ctx.logger.warn(`Not using analyzed data, usable file not found: ${error.message}`);
    return undefined;
  }
}

/** Looks at the base images again when extensions are used, and writes what it found to `analyzed.toml`. */
async function completeAnalyzed(session: Session, inputs: BaseImageInputs, stores: PhaseStores): Promise<void> {
  const { options, ctx } = session;
  const keep = async (image: Image): Promise<void> => {
    const { writeSparseLayout } = await import("../../stores/layout/sparse.ts");
    const path = await writeSparseLayout(join(options.kanikoDir, "cache", "base"), image);
    ctx.logger.debug(`Saved image metadata to ${path}`);
  };
  const { images, registries } = stores;
  const completed: Analyzed = await updateBaseImages(inputs, { images, registries, keep, ctx });
  const isChanged =
    completed.buildImage !== inputs.analyzed.buildImage || completed.runImage !== inputs.analyzed.runImage;
  if (isChanged) writeAnalyzed(options.analyzed, completed, ctx.logger);
}
