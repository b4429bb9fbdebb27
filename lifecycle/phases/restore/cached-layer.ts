import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { LayerCache } from "../../cache/cache.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { BatchThread } from "../../layers/batch-thread.ts";
import type { Place } from "../../layers/place.ts";
import { parseDiffId } from "../../oci/digest.ts";
import type { Layer } from "../../oci/layer.ts";
import { restoreLayer, restoreOwnDirectory } from "./extract.ts";

/** What became of a layer that the cache's metadata names; `failed` is no reason to stop the build. */
export type CachedLayer = { readonly kind: "restored" } | { readonly kind: "failed"; readonly reason: string };

/**
 * Unpacks a layer of the cache into a directory of the layers directory. One that is not there, not what it says or no
 * tar is `failed`. With the layer's name, its own directory alone may be filled before the content is checked, and the
 * caller has to remove that when it failed.
 */
export async function restoreCached(
  cache: LayerCache,
  sha: string,
  to: { readonly layers: Place; readonly directory: string; readonly name?: string },
  ctx: Context,
  thread?: () => Promise<BatchThread | undefined>,
): Promise<CachedLayer> {
  ctx.logger.debug(`Retrieving data for ${JSON.stringify(sha)}`);
  try {
    const own = to.name === undefined ? undefined : ownDirectory(to.layers, `${to.directory}/${to.name}`);
    const found = await cache.lookup(parseDiffId(sha, cache.name), { unchecked: own !== undefined });
    switch (found.kind) {
      case "miss":
        return { kind: "failed", reason: `failed to find cache layer with SHA '${sha}'` };
      case "corrupt":
        return { kind: "failed", reason: found.cause.message };
      case "hit":
        if (own !== undefined && found.check !== undefined) {
          const outcome = await unpackWhileChecked(found.layer, found.check, own, ctx, thread);
          if (outcome !== undefined) return outcome;
        }
        await restoreLayer(found.layer, to.layers, to.directory, ctx, thread);
        return { kind: "restored" };
    }
  } catch (error) {
    if (error instanceof TspackError && isDamage(error)) return { kind: "failed", reason: error.message };
    throw error;
  }
}

/** Where a layer that may be another one can do no harm: not behind a link. */
function ownDirectory(layers: Place, directory: string): OwnDirectory | undefined {
  const there = lstatSync(join(layers.path, directory), { throwIfNoEntry: false });
  return there?.isSymbolicLink() === true ? undefined : { layers, directory };
}

interface OwnDirectory {
  readonly layers: Place;
  readonly directory: string;
}

/** Undefined: the content is right, and has to be unpacked in another way, or fails in the usual one. */
async function unpackWhileChecked(
  layer: Layer,
  check: () => Promise<Error | undefined>,
  to: OwnDirectory,
  ctx: Context,
  thread: () => Promise<BatchThread | undefined> = () => Promise.resolve(undefined),
): Promise<CachedLayer | undefined> {
  const [unpacked, checked] = await Promise.allSettled([restoreOwnDirectory(layer, to, ctx, thread), check()]);
  if (checked.status === "rejected") throw checked.reason;
  if (checked.value !== undefined) return { kind: "failed", reason: checked.value.message };
  if (unpacked.status === "fulfilled") return { kind: "restored" };
  const { reason } = unpacked;
  if (reason instanceof TspackError && reason.code === "INVALID_TAR") return undefined;
  throw reason;
}

/** Also of a layer that the registry of a cache image has lost. */
function isDamage({ code }: TspackError): boolean {
  return damage.has(code);
}

const damage: ReadonlySet<string> = new Set([
  "INVALID_TAR",
  "INVALID_DIGEST",
  "DIGEST_MISMATCH",
  "INVALID_IMAGE",
  "NOT_FOUND",
]);
