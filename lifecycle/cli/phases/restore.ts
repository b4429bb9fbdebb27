import { here } from "../../layers/place.ts";
import { readAnalyzed, readGroup } from "../../phases/files.ts";
import { checkRunImage, restore } from "../../phases/restore.ts";
import { checkGroupApis } from "../../phases/buildpack-store.ts";
import { dropPrivileges, ensureWritable } from "./privileges.ts";
import { declaredRunImages } from "./run-images.ts";
import { type PhaseRun, refuseArguments } from "./session.ts";
import { openCache, openStores, warnWithoutCache } from "./stores.ts";

/** `restorer`: gives buildpacks back what the last build left. Platform specification, restorer. */
export const runRestore: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "Args");
  warnWithoutCache(session);
  const stores = await openStores(session);
  ensureWritable(session, [options.layers, options.cacheDir]);
  dropPrivileges(session);
  const { group } = readGroup(options.group);
  checkGroupApis(group);
  const { metadata, runImage } = readAnalyzed(options.analyzed, ctx.logger);
  if (features.restorerChecksRunImage) {
    await checkRunImage(runImage?.image ?? "", declaredRunImages(session), stores.access);
  }
  const cache = await openCache(session, stores.registries);
  await restore(
    { features, buildpacks: group, metadata, layers: here(options.layers), skipLayers: options.skipLayers },
    { cache, ctx },
  );
};
