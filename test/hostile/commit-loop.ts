// Run as a process of its own, which is killed: writes a cache or a layout again and again.
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { openVolumeCache } from "../../lifecycle/cache/volume.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { cacheMetadataOf, context, imageOf, layersOf, tarOfSet } from "./commit-sets.ts";

const [kind, directory] = process.argv.slice(2) as [string, string];

const writers: Readonly<Record<string, (set: number) => Promise<unknown>>> = {
  volume: async (set) => {
    const cache = await openVolumeCache(directory, context);
    for (const layer of layersOf(set)) await cache.stage(layer);
    await cache.commit(cacheMetadataOf(set));
  },
  layout: (set) => layoutStore(directory).write(imageOf(set), [parseReference("killed/app:v1")], { ctx: context }),
  blobs: async (set) => {
    const cache = await openBlobCache(directory, { ctx: context });
    await cache.pack(async (sink) => sink.write(tarOfSet(set)));
  },
};

const write = writers[kind];
if (write === undefined) throw new Error(`nothing writes ${kind}`);
for (let set = 0; ; set += 1) {
  await write(set);
  process.stdout.write(`${set}\n`);
}
