import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { decodeLayerToml, type LayerToml } from "../../cnb/files/layer-toml.ts";
import { errorCode, TspackError } from "../../errors.ts";
import { readTomlFile } from "../files.ts";
import { reasonOf } from "../reason.ts";
import { systemMessage } from "../system-message.ts";

/**
 * Reads every `*.toml` of a buildpack's layers directory as a layer's, `launch.toml` and its like
 * too, and renames the directory of each that is for nothing to `<layer>.ignore`, so that export
 * does not see it. Buildpack specification, "Layer types". Throws `BUILD_FAILED`.
 */
export function processLayers(layersDir: string): ReadonlyMap<string, LayerToml> {
  return new Map(
    layerNames(layersDir).map((name) => {
      const layer = readLayer(join(layersDir, `${name}.toml`));
      if (!layer.build && !layer.cache && !layer.launch) ignore(join(layersDir, name));
      return [name, layer];
    }),
  );
}

function layerNames(layersDir: string): readonly string[] {
  return readdirSync(layersDir, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(".toml"))
    .map((entry) => entry.name)
    .sort()
    .map((name) => name.slice(0, -".toml".length));
}

function readLayer(path: string): LayerToml {
  try {
    return decodeLayerToml(readTomlFile(path));
  } catch (cause) {
    if (!(cause instanceof TspackError)) throw cause;
    const message = `failed to process buildpack layer: failed to decode layer metadata file: ${reasonOf(cause)}`;
    throw new TspackError("BUILD_FAILED", message, { cause, hint: cause.hint });
  }
}

function ignore(directory: string): void {
  try {
    renameSync(directory, `${directory}.ignore`);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return;
    const message = `failed to process buildpack layer: failed to rename layer directory: rename ${directory} ${directory}.ignore: ${systemMessage(cause)}`;
    throw new TspackError("BUILD_FAILED", message, { cause });
  }
}
