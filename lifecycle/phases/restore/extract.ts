import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { extractTar } from "../../layers/extract-tar.ts";
import type { Place } from "../../layers/place.ts";
import type { Layer } from "../../oci/layer.ts";

/** Unpacks a layer that an earlier build made into the layers directory. Throws `INVALID_TAR`, `CANCELED`. */
export async function restoreLayer(layer: Layer, layers: Place, { signal }: Context): Promise<void> {
  try {
    await extractTar(layer.uncompressed(), layers, { mode: "restore", signal });
  } catch (error) {
    if (signal.aborted) throw new TspackError("CANCELED", "restoring was stopped", { cause: error });
    throw error;
  }
}
