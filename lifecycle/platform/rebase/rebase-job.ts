import { platformApis, platformFeatures } from "../../cnb/api/platform.ts";
import type { Context } from "../../context.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { rebaseImage, type RebaseResult } from "../../phases/rebase.ts";
import type { ImagePlace, PlaceKind } from "../image-places/image-place.ts";
import type { ImagePlaces } from "../image-places/open-places.ts";
import type { ImageSink } from "../../stores/store.ts";
import type { Tools } from "../tools.ts";
import type { BaseImages } from "./base-images.ts";
import type { RebaseRequest } from "./request.ts";

/** What the images of one command are rebased with. */
export interface RebaseJob {
  readonly request: Omit<RebaseRequest, "image">;
  readonly runImage: ImageRef | undefined;
  readonly places: ImagePlaces;
  readonly bases: BaseImages;
  /** For images of the container engine. */
  readonly engineBases: BaseImages;
  readonly tools: Tools;
  /** Whether each image gets a directory of its own for its report. */
  readonly many?: boolean;
}

/** An image, and where what becomes of it goes. */
export interface RebaseSubject {
  /** What is rebased. */
  readonly ref: ImageRef;
  readonly image: Image;
  /** The name of the result, and the store that gets it. */
  readonly target: Pick<ImagePlace, "ref"> & { readonly kind: PlaceKind; readonly sink: ImageSink };
}

/** Lines of several images would run into each other: warnings say whose they are, the rest is for --verbose. */
export function quiet(ctx: Context, image: string): Context {
  const { logger } = ctx;
  const debug = (line: string): void => logger.debug(`${image}: ${line}`);
  const warn = (line: string): void => logger.warn(`${image}: ${line}`);
  return { ...ctx, logger: { ...logger, debug, warn, info: debug, phase: debug, say: debug } };
}

/** Rebases one image for one platform. Throws what `rebaseImage` throws. */
export async function rebaseSubject(
  { ref, image, target }: RebaseSubject,
  job: RebaseJob,
  ctx: Context,
  dryRun: boolean,
): Promise<RebaseResult> {
  const { os, architecture, variant } = (await image.config()).value;
  const bases = (target.kind === "engine" ? job.engineBases : job.bases).for({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
  });
  return rebaseImage(
    {
      features: platformFeatures(platformApis.at(-1) ?? ""),
      appImage: ref,
      outputImages: [target.ref],
      runImage: job.runImage,
      force: job.request.force === true,
      sameRepository: true,
      dryRun,
    },
    {
      images: { resolve: (wanted) => (wanted === ref ? Promise.resolve(image) : bases.resolve(wanted)) },
      sink: target.sink,
      access: bases,
      ctx,
    },
  );
}
