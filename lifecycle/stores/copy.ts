import { TspackError } from "../errors.ts";
import type { Context } from "../context.ts";
import type { Image } from "../oci/image.ts";
import type { ImageRef } from "../oci/reference.ts";
import type { ImageSink, ImageSource, ResolveOptions, WriteReport } from "./store.ts";

/** One end of a copy. */
export interface CopySource {
  readonly store: ImageSource;
  readonly ref: ImageRef;
}

/** The other end; all references are of this store. */
export interface CopyDestination {
  readonly store: ImageSink;
  readonly refs: readonly ImageRef[];
}

/** Options of a copy. */
export interface CopyOptions extends ResolveOptions {
  /** Gets the progress of the destination's transfers, and stops the copy. */
  readonly ctx?: Context | undefined;
}

/** What was copied. */
export interface CopyReport extends WriteReport {
  readonly image: Image;
}

/**
 * Copies one image from any store to any other, byte for byte. Throws `IMAGE_NOT_FOUND` and
 * whatever the two stores throw; a `RemoteError` says which side it was.
 */
export async function copyImage(from: CopySource, to: CopyDestination, options: CopyOptions = {}): Promise<CopyReport> {
  const image = await from.store.resolve(from.ref, { platform: options.platform });
  if (image === undefined) {
    throw new TspackError("IMAGE_NOT_FOUND", `${from.ref.original} does not exist`, {
      hint: "check the image's name and tag",
    });
  }
  // Only within one registry: a mount elsewhere would ask for a repository that is not there.
  const mountFrom = to.refs.some(({ registry }) => registry === from.ref.registry) ? [from.ref] : [];
  const report = await to.store.write(image, to.refs, { ctx: options.ctx, mountFrom });
  return { ...report, image };
}
