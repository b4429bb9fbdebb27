import type { TomlValue } from "../../toml.ts";

/** `<layers>/<layer>.toml`. Buildpack specification, layer content metadata. */
export interface LayerToml {
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
  /** `undefined` when the file has none (`null` in labels). */
  readonly metadata: TomlValue | undefined;
}
