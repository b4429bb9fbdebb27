import { TspackError } from "../errors.ts";
import type { DiffId } from "./digest.ts";
import type { Image } from "./image.ts";
import { layerHistory, partsOf } from "./mutate.ts";
import { imageFromParts } from "./memory-image.ts";

/**
 * The image with the layers of another base: everything above `oldTop` stays on top of the new
 * base's layers. Manifest and config only; no layer is read. Architecture, operating system and
 * variant become the new base's, everything else in the config stays the application's.
 * Throws `REBASE_FAILED` when the image has no layer `oldTop`.
 */
export async function rebase(image: Image, oldTop: DiffId, newBase: Image): Promise<Image> {
  const [app, base] = await Promise.all([partsOf(image), partsOf(newBase)]);
  const top = app.layers.findIndex((layer) => layer.diffId === oldTop);
  if (top === -1) {
    throw new TspackError("REBASE_FAILED", `could not find base layer in image: no layer ${oldTop}`, {
      hint: "the image was changed after its build, or the label io.buildpacks.lifecycle.metadata is another image's",
    });
  }
  const appHistory = layerHistory(app.config.history, app.layers.length).slice(top + 1);
  const baseHistory = layerHistory(base.config.history, base.layers.length);
  const { variant: _variant, "os.version": _version, "os.features": _features, ...rest } = app.config;
  return imageFromParts({
    ...app,
    layers: [...base.layers, ...app.layers.slice(top + 1)],
    config: {
      ...rest,
      architecture: base.config.architecture,
      os: base.config.os,
      history: [...baseHistory, ...appHistory],
      ...(base.config.variant === undefined ? {} : { variant: base.config.variant }),
      ...(base.config["os.version"] === undefined ? {} : { "os.version": base.config["os.version"] }),
      ...(base.config["os.features"] === undefined ? {} : { "os.features": base.config["os.features"] }),
    },
  });
}
