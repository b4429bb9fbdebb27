import { setTimeout as sleep } from "node:timers/promises";
import { TspackError } from "../../errors.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import { topLayer } from "../../oci/mutate.ts";
import { maybeReference } from "../../oci/reference.ts";
import { pulledImages } from "../build/pulled-images.ts";
import type { Tools } from "../tools.ts";

/**
 * `current`: the run image of that name has the same top layer; `stale`: it has another one, so that a
 * rebase would change the image; `unknown`: nobody could tell, for the reason that is given.
 */
export type BaseState =
  | { readonly kind: "current" }
  | { readonly kind: "stale"; readonly topLayer: string }
  | { readonly kind: "unknown"; readonly reason: string };

/** Milliseconds that a registry gets for what is only nice to know. */
export const patience = 3000;

/** Compares the recorded top layer of a run image with the one that it has now. Throws only `CANCELED`. */
export async function baseState(
  recorded: { readonly image: string; readonly topLayer: string },
  { os, architecture, variant }: ImageConfig,
  tools: Tools,
): Promise<BaseState> {
  const ref = recorded.image === "" ? undefined : maybeReference(recorded.image);
  if (ref === undefined) return { kind: "unknown", reason: "the image does not name its run image" };
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  try {
    const newest = await withPatience(pulledImages(tools, "always").resolve(ref, { platform }), recorded.image);
    if (newest === undefined) return { kind: "unknown", reason: `there is no image ${recorded.image} any more` };
    const top = (await withPatience(topLayer(newest), recorded.image)) ?? "";
    return top === recorded.topLayer ? { kind: "current" } : { kind: "stale", topLayer: top };
  } catch (error) {
    if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
    return { kind: "unknown", reason: error.message };
  }
}

/** The result, unless it takes longer than it is worth. Throws `REGISTRY_UNREACHABLE` then. */
export async function withPatience<T>(work: Promise<T>, what: string): Promise<T> {
  const late = new AbortController();
  const timeout = sleep(patience, undefined, { signal: late.signal, ref: false }).then(() => {
    throw new TspackError("REGISTRY_UNREACHABLE", `no answer about ${what} within ${patience / 1000} seconds`);
  });
  // Whichever comes second is of no interest.
  timeout.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, timeout]);
  } finally {
    late.abort();
  }
}
