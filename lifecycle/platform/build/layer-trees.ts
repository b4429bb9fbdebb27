import type { Context } from "../../context.ts";
import { type KeptTrees, openKeptTrees } from "../../layers/kept-trees.ts";
import { type KnownTrees, openKnownTrees, warnOfWrongTree } from "../../layers/known-trees.ts";
import type { Owner, Place } from "../../layers/place.ts";
import type { BuildCache } from "./build-cache.ts";

/** Layers' directories of an application's last build: moved back in place of unpacked, and not read when nobody touched them. */
export interface LayerTrees {
  readonly trees?: KeptTrees | undefined;
  readonly known?: KnownTrees | undefined;
}

/** What these trees are told about. */
export interface LayerTreesInputs {
  readonly layers: Place;
  /** Whom files belong to in layers. */
  readonly owner: Owner;
  /** Everything is read all the same, and compared. */
  readonly verifyLayers: boolean;
}

/**
 * Opens the trees of an application. In place there are none: the directories are not ours to
 * move, and buildpacks' processes may live on.
 */
export function openLayerTrees(
  { layers, owner, verifyLayers }: LayerTreesInputs,
  { treesDir, knownDir }: BuildCache,
  { clock, logger }: Context,
): LayerTrees {
  if (layers.path === layers.name) return {};
  const known = openKnownTrees(knownDir, {
    owner,
    now: () => clock().getTime(),
    verify: verifyLayers ? warnOfWrongTree(logger) : undefined,
  });
  return { trees: openKeptTrees(treesDir), known };
}
