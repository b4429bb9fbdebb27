import type { LayerCache } from "../../cache/cache.ts";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { BatchThread } from "../../layers/batch-thread.ts";
import type { Place } from "../../layers/place.ts";
import { parseDiffId } from "../../oci/digest.ts";
import { restoreLayer } from "./extract.ts";

/** What became of a layer that the cache's metadata names; `failed` is no reason to stop the build. */
export type CachedLayer = { readonly kind: "restored" } | { readonly kind: "failed"; readonly reason: string };

/** Unpacks a layer of the cache into a directory of the layers directory. One that is not there, not what it says or no tar is `failed`. */
export async function restoreCached(
  cache: LayerCache,
  sha: string,
  to: { readonly layers: Place; readonly directory: string },
  ctx: Context,
  thread?: () => Promise<BatchThread | undefined>,
): Promise<CachedLayer> {
  ctx.logger.debug(`Retrieving data for ${JSON.stringify(sha)}`);
  try {
    const found = await cache.lookup(parseDiffId(sha, cache.name));
    switch (found.kind) {
      case "miss":
        return { kind: "failed", reason: `failed to find cache layer with SHA '${sha}'` };
      case "corrupt":
        return { kind: "failed", reason: found.cause.message };
      case "hit":
        await restoreLayer(found.layer, to.layers, to.directory, ctx, thread);
        return { kind: "restored" };
    }
  } catch (error) {
    if (error instanceof TspackError && isDamage(error)) return { kind: "failed", reason: error.message };
    throw error;
  }
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
