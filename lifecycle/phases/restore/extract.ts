import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { BatchThread } from "../../layers/batch-thread.ts";
import { extractTarFile } from "../../layers/extract-tar-file.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import type { Place } from "../../layers/place.ts";
import type { Layer } from "../../oci/layer.ts";
import { makeDirectory } from "../make-directory.ts";

/**
 * Unpacks a layer that an earlier build made into one directory of the layers directory. Its tar may
 * come from anybody who can write the image or the cache, so nothing of it goes anywhere else: not
 * into the files of other buildpacks either. `thread` helps with large tars in files. Throws `INVALID_TAR`, `CANCELED`.
 */
export async function restoreLayer(
  layer: Layer,
  layers: Place,
  directory: string,
  { signal }: Context,
  thread: () => Promise<BatchThread | undefined> = () => Promise.resolve(undefined),
): Promise<void> {
  await restoreInto(layer, { layers, directory }, { signal }, thread, false);
}

/**
 * Unpacks a layer into its own directory alone, which need not be there: then it gets its mode from the tar.
 * Throws `INVALID_TAR` also for layers that are more than one directory, and `CANCELED`.
 */
export async function restoreOwnDirectory(
  layer: Layer,
  to: Target,
  ctx: Context,
  thread: () => Promise<BatchThread | undefined>,
): Promise<void> {
  await restoreInto(layer, to, ctx, thread, !existsSync(join(to.layers.path, to.directory)));
}

interface Target {
  readonly layers: Place;
  readonly directory: string;
}

async function restoreInto(
  layer: Layer,
  { layers, directory }: Target,
  { signal }: Pick<Context, "signal">,
  thread: () => Promise<BatchThread | undefined>,
  isNew: boolean,
): Promise<void> {
  const place = { path: join(layers.path, directory), name: `${layers.name}/${directory}` };
  makeDirectory(place.path);
  try {
    if (layer.tarFile !== undefined) await extractTarFile(layer.tarFile, place, { signal, thread, isNew });
    else await extractTar(layer.uncompressed(), place, { mode: "restore", signal });
  } catch (error) {
    if (signal.aborted) throw new TspackError("CANCELED", "restoring was stopped", { cause: error });
    throw error;
  }
}
