import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type BenchBuild, benchEnv, empty, type Restoring } from "./bench-build.ts";
import { quietly, touchApp, touchLayer } from "./changes.ts";
import type { Contestant } from "./compete.ts";

/** Whole builds and restores with a cache directory, in the order in which each needs what the one before left. */
export function creators(build: BenchBuild, host: string): readonly Contestant[] {
  const image = `${host}/bench/created`;
  // Counted are the exports, which are part of it.
  const created = { env: benchEnv, uncounted: true, command: build.create(image, "-cache-dir", build.createdCache) };
  const inPlace = build.restore(image, [`-cache-dir=${build.createdCache}`]);
  return [
    {
      ...created,
      name: "creator, first",
      prepare: () => {
        touchLayer(build);
        empty(build.created);
        empty(build.createdCache);
      },
    },
    // Also where the contestant before was not selected.
    { ...created, name: "creator, nothing changed, layers kept", prepare: () => quietly(created.command) },
    { ...created, name: "creator, one application file changed, layers kept", prepare: () => touchApp(build) },
    {
      // What the creator just packed; a tree that was unpacked and not packed since is unpacked again.
      name: "restore, cache directory, in place",
      env: benchEnv,
      command: inPlace.restore,
      prepare: () => quietly(inPlace.analyze),
    },
    { ...created, name: "creator, nothing changed, no layers", prepare: () => empty(build.created) },
    ...restores(build, image),
  ];
}

/** After the creator, whose layers these are. */
function restores(build: BenchBuild, image: string): readonly Contestant[] {
  const { createdCache, created } = build;
  const fromDirectory = build.restore(image, [`-cache-dir=${createdCache}`]);
  const cacheImage = `${image}-cache`;
  const fromImage = build.restore(image, [`-cache-image=${cacheImage}`]);
  const emptied = async ({ analyze }: Restoring): Promise<void> => {
    // Where the creator was not selected.
    if (readdirSync(createdCache).length === 0) await quietly(build.create(image, "-cache-dir", createdCache));
    // Aside: ext4 looks for new files' inodes past all those that were removed a moment ago, for seconds.
    renameSync(join(created, "bench_layers"), `${created}-aside-${process.hrtime.bigint()}`);
    await quietly(analyze);
  };
  return [
    {
      name: "restore, cache directory",
      env: benchEnv,
      command: fromDirectory.restore,
      prepare: () => emptied(fromDirectory),
    },
    {
      name: "restore, cache image",
      env: benchEnv,
      uncounted: true,
      command: fromImage.restore,
      prepare: async () => {
        await quietly(build.create(image, "-cache-image", cacheImage));
        await emptied(fromImage);
      },
    },
  ];
}
