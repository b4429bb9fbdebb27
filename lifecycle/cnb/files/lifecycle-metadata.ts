import type { TomlTable, TomlValue } from "../../toml.ts";

/** A layer as labels name it. `sha` is its DiffID, empty when there is none. */
export interface LayerSha {
  readonly sha: string;
}

/** A buildpack's layer as the label and the cache metadata record it. */
export interface BuildpackLayerMetadata extends LayerSha {
  readonly data: TomlValue | undefined;
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
}

/** All that is recorded of one buildpack's layers. */
export interface BuildpackLayersMetadata {
  readonly key: string;
  readonly version: string;
  /** By layer name, sorted when written. */
  readonly layers: Readonly<Record<string, BuildpackLayerMetadata>>;
  readonly store?: { readonly metadata: TomlTable };
}

/** The run image that an app was exported on; what rebase compares. */
export interface RunImageForRebase {
  readonly topLayer: string;
  readonly reference: string;
  readonly image?: string;
  readonly mirrors?: readonly string[];
}

/** The label `io.buildpacks.lifecycle.metadata` and `[metadata]` of `analyzed.toml`. Platform specification. */
export interface LayersMetadata {
  readonly app: readonly LayerSha[];
  readonly sbom?: LayerSha;
  readonly buildpacks: readonly BuildpackLayersMetadata[];
  readonly config: LayerSha;
  readonly launcher: LayerSha;
  readonly processTypes: LayerSha;
  readonly runImage: RunImageForRebase;
  readonly stack?: { readonly runImage: { readonly image: string; readonly mirrors?: readonly string[] } };
}

/** `io.buildpacks.lifecycle.cache.metadata`, of a cache directory or image. */
export interface CacheMetadata {
  readonly sbom?: LayerSha;
  readonly buildpacks: readonly BuildpackLayersMetadata[];
}
