import { encodeReport } from "../../cnb/files/report.ts";
import { create } from "../../phases/create.ts";
import { readOrder, readSystem, writeAnalyzed, writeGroup, writePlan, writeTextFile } from "../../phases/files.ts";
import { analysisInputs, oneImage } from "./analyze.ts";
import { buildpackInputs } from "./buildpack-inputs.ts";
import { warnOfExposedCredentials } from "./credentials.ts";
import { exportSettings } from "./export.ts";
import { dropPrivileges, ensureWritable } from "./privileges.ts";
import { declaredRunImages } from "./run-images.ts";
import type { PhaseRun } from "./session.ts";
import {
  openCache,
  openKnown,
  openLaunchCache,
  openStores,
  readingThrough,
  warnOfLaunchCache,
  warnWithoutCache,
  withTemporaryBlobs,
} from "./stores.ts";
import { warnOfParallel } from "./warn-of-parallel.ts";

const standardOutput = 1;

/** `creator`: all phases in one process. Platform specification, creator. */
export const runCreate: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  const image = oneImage(session);
  warnWithoutCache(session);
  warnOfLaunchCache(session);
  warnOfParallel(session);
  const stores = await openStores(session);
  const analyze = await analysisInputs(session, image, stores);
  ensureWritable(session, [options.cacheDir, options.launchCache, options.fingerprints, options.layers]);
  dropPrivileges(session);
  warnOfExposedCredentials(session);
  const cache = await openCache(session, stores.registries);
  const launchCache = await openLaunchCache(session);
  const images = await readingThrough(stores.images, launchCache);
  await withTemporaryBlobs(session, async (blobs) => {
    const { report } = await create(
      {
        analyze,
        detect: () => ({
          ...buildpackInputs(session, undefined),
          order: readOrder(options.order),
          system: features.systemBuildpacks ? readSystem(options.system, ctx.logger) : undefined,
          extensionsDir: options.extensions,
        }),
        export: exportSettings(session, [image, ...options.tag], stores),
        runToml: declaredRunImages(session),
        skipRestore: options.skipRestore,
      },
      {
        images,
        sink: stores.images,
        access: stores.access,
        cacheAccess: stores.registries,
        blobs,
        cache,
        launchCache,
        known: openKnown(session),
        output: { kind: "descriptor", fd: standardOutput },
        analyzed: (analyzed) => writeAnalyzed(options.analyzed, analyzed, ctx.logger),
        detected: ({ group, plan }) => {
          writeGroup(options.group, group);
          writePlan(options.plan, plan);
        },
        ctx,
      },
    );
    writeTextFile(options.report, encodeReport(report));
  });
};
