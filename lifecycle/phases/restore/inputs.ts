import type { LayerCache } from "../../cache/cache.ts";
import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import type { LayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { Context } from "../../context.ts";
import type { KeptTrees } from "../../layers/kept-trees.ts";
import type { KnownTrees } from "../../layers/known-trees.ts";
import type { Place } from "../../layers/place.ts";

/** What is restored. Platform specification, restorer. */
export interface RestoreInputs {
  readonly features: PlatformFeatures;
  readonly buildpacks: readonly GroupElement[];
  /** `[metadata]` of `analyzed.toml`: the layers of the previous image. */
  readonly metadata: LayersMetadata;
  readonly layers: Place;
  /** `-skip-layers`: only `store.toml` comes back, and what the cache can give without metadata. */
  readonly skipLayers: boolean;
}

/** What restoring works with. */
export interface RestorePorts {
  /** Undefined when the platform gave none. */
  readonly cache: LayerCache | undefined;
  /** Trees of an earlier build, to be moved in place of unpacking the cache's layers. */
  readonly trees?: KeptTrees | undefined;
  /** Directories of an earlier build that nobody touched since: they need not be unpacked again. */
  readonly known?: KnownTrees | undefined;
  readonly ctx: Context;
}

/** What became of one layer of the last build. */
export type LayerState =
  | { readonly kind: "restored"; readonly from: "cache" | "previous-image" }
  | { readonly kind: "empty"; readonly cause: "new" | "stale" | "corrupt" };

/** A layer with its state. */
export interface RestoredLayer {
  readonly buildpackId: string;
  readonly name: string;
  readonly state: LayerState;
}

/** What was restored, in the order of the group and then by name. */
export interface RestoreResult {
  readonly layers: readonly RestoredLayer[];
}
