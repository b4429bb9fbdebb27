import { TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { Tools } from "../tools.ts";
import { type ImagePlaces, type ImagePlacesOptions, seemsToHaveEngine, withImagePlaces } from "./open-places.ts";

/**
 * Works with tools to which the images of the person's container engine are local, too: what our own
 * store does not have is looked for there before a registry is asked. What was unpacked for it goes away
 * afterwards, and an engine that can not be used is as good as none. Throws what the work throws.
 */
export async function withEngineImages<T extends Tools, R>(
  tools: T,
  work: (tools: T) => Promise<R>,
  reading?: ImagePlacesOptions,
): Promise<R> {
  const withEngine = async ({ open }: ImagePlaces): Promise<R> => {
    const inEngine = async (ref: ImageRef): Promise<Image | undefined> => {
      const place = await open(ref.original);
      return place.kind === "engine" ? place.image() : undefined;
    };
    const local: Tools["local"] = {
      ...tools.local,
      resolve: async (ref, options) => {
        const here = await tools.local.resolve(ref, options);
        if (here !== undefined) return here;
        const there = await inEngine(ref);
        return there !== undefined && (await isFor(there, options?.platform)) ? there : undefined;
      },
    };
    const images: ImageSource = {
      resolve: async (ref, options) => (await local.resolve(ref, options)) ?? tools.pulls.resolve(ref, options),
    };
    return work({ ...tools, local, images });
  };
  return withImagePlaces(tools, withEngine, reading);
}

async function isFor(image: Image, platform: Platform | undefined): Promise<boolean> {
  const { os, architecture } = (await image.config()).value;
  return platform === undefined || (platform.os === os && platform.architecture === architecture);
}

/**
 * Works with the store of this machine that has an image: our own or, when it is only there, the
 * container engine, whose layers are compressed for where they are kept so. Our own when none has it.
 */
export async function withStoreOf<R>(
  ref: ImageRef,
  tools: Tools,
  work: (store: ImageSource) => Promise<R>,
): Promise<R> {
  if ((await tools.local.resolve(ref)) !== undefined || !seemsToHaveEngine(tools)) return work(tools.local);
  const { withEngineDestination } = await import("../output/engine-destination.ts");
  const inEngine = async (): Promise<{ readonly result: R } | undefined> =>
    withEngineDestination(tools, async ({ source }) =>
      (await source.resolve(ref)) === undefined ? undefined : { result: await work(source) },
    );
  const done = await inEngine().catch((error: unknown) => {
    if (!(error instanceof TspackError) || error.code !== "ENGINE_UNREACHABLE") throw error;
    tools.ctx.logger.debug(`The container engine was not asked for ${ref.original}: ${error.message}`);
    return undefined;
  });
  return done === undefined ? work(tools.local) : done.result;
}
