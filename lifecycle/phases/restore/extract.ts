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
  const place = { path: join(layers.path, directory), name: `${layers.name}/${directory}` };
  makeDirectory(place.path);
  try {
    if (layer.tarFile !== undefined) await extractTarFile(layer.tarFile, place, { signal, thread });
    else await extractTar(layer.uncompressed(), place, { mode: "restore", signal });
  } catch (error) {
    if (signal.aborted) throw new TspackError("CANCELED", "restoring was stopped", { cause: error });
    throw error;
  }
}
