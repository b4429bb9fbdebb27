import { decodeToml } from "../../decode.ts";
import { InputError } from "../../errors.ts";
import { fields, type TomlDocument, type TomlValue, writeToml } from "../../toml.ts";

/** `<layers>/<layer>.toml`. Buildpack specification, layer content metadata. */
export interface LayerToml {
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
  /** `undefined` when the file has none (`null` in labels). */
  readonly metadata: TomlValue | undefined;
}

/** A layer without a metadata file: it is for nothing. */
export const noLayerToml: LayerToml = { build: false, launch: false, cache: false, metadata: undefined };

/** Reads a layer's metadata. Throws `INVALID_LAYER`, also for flags at the top, where they stood before Buildpack API 0.6. */
export function decodeLayerToml(document: TomlDocument): LayerToml {
  const misplaced = ["launch", "cache", "build"].filter((flag) => Object.hasOwn(document.table, flag));
  if (misplaced.length > 0) throw flagsAtTheTop(document, misplaced);
  return decodeToml(document, { code: "INVALID_LAYER" }, (root) => {
    const types = root.subTable("types");
    return {
      build: types.boolean("build") ?? false,
      launch: types.boolean("launch") ?? false,
      cache: types.boolean("cache") ?? false,
      metadata: root.value("metadata"),
    };
  });
}

function flagsAtTheTop(document: TomlDocument, flags: readonly string[]): InputError {
  const issues = flags.map((flag) => {
    const position = document.position([flag]);
    const place = position === undefined ? "" : `:${position.line}:${position.column}`;
    return { source: document.source + place, path: flag, expected: "a key of [types]", got: "a key at the top" };
  });
  const message = `the launch, cache and build flags should be in the types table of ${document.source}`;
  return new InputError("INVALID_LAYER", message, issues, { hint: "write [types] above them" });
}

/** Writes the metadata of a restored layer: without types, which the buildpack has to say again. */
export function encodeRestoredLayer(metadata: TomlValue | undefined): string {
  return writeToml(fields({ metadata }));
}
