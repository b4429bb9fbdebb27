import { TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { type ImageRef, refName } from "../../oci/reference.ts";
import type { AccessCheck, ImageSource } from "../../stores/store.ts";
import type { PullPolicy } from "../build/request.ts";
import { pulledImages } from "../build/pulled-images.ts";
import type { Tools } from "../tools.ts";

/** Finds run images, each once, however many images are put on it. */
export interface BaseImages {
  /** The run images for an application of a platform. */
  for(platform: Platform): ImageSource & AccessCheck;
}

/** Run images of a store, remembered for the time of a command. */
export function baseImages(source: ImageSource): BaseImages {
  const found = new Map<string, Promise<Image | undefined>>();
  const resolve = (ref: ImageRef, platform: Platform): Promise<Image | undefined> => {
    const key = `${refName(ref)} ${platform.os}/${platform.architecture}/${platform.variant ?? ""}`;
    const known = found.get(key) ?? source.resolve(ref, { platform });
    found.set(key, known);
    return known;
  };
  return {
    for: (platform) => ({
      resolve: (ref) => resolve(ref, platform),
      checkAccess: async (ref) => {
        if ((await resolve(ref, platform)) !== undefined) return;
        throw new TspackError("IMAGE_NOT_FOUND", "there is no such image");
      },
    }),
  };
}

/**
 * Where run images come from: by the pull policy when one is given. Else the local store comes first;
 * but what is published gets the newest of the registry, unless only this machine has the run image.
 */
export function runImageSource(tools: Tools, policy: PullPolicy | undefined, publish: boolean): ImageSource {
  if (policy !== undefined || !publish) return pulledImages(tools, policy);
  const newest = pulledImages(tools, "always");
  return {
    resolve: async (ref, options) => {
      try {
        return await newest.resolve(ref, options);
      } catch (error) {
        const here = isRefusal(error) ? await tools.local.resolve(ref, options) : undefined;
        if (here === undefined) throw error;
        tools.ctx.logger.warn(`${ref.original} is taken from the local store: ${(error as Error).message}`);
        return here;
      }
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof TspackError && ["UNAUTHORIZED", "FORBIDDEN", "REGISTRY_UNREACHABLE"].includes(error.code);
}
