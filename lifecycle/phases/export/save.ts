import { type ErrorCode, TspackError } from "../../errors.ts";
import type { Report } from "../../cnb/files/report.ts";
import type { Context } from "../../context.ts";
import { hex } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { ImageSink, WriteReport } from "../../stores/store.ts";
import { imageName } from "../analyze/naming.ts";
import type { ExportInputs } from "./inputs.ts";

/** An image on its way to its names. */
export interface SaveInputs {
  readonly image: Image;
  readonly refs: readonly ImageRef[];
  readonly mountFrom: readonly ImageRef[];
  readonly layoutDir: string | undefined;
  /** What a failure is called. */
  readonly failure: ErrorCode;
}

/** What was written. */
export interface Saved {
  readonly report: Report["image"];
  readonly written: WriteReport;
}

/** Writes an image under all its names and says so. Throws `failure`, naming the image and the store's reason. */
export async function saveImage(inputs: SaveInputs, sink: ImageSink, ctx: Context): Promise<Saved> {
  const tags = inputs.refs.map((ref) => imageName(ref, inputs.layoutDir));
  saySaving(tags, ctx);
  const written = await write(inputs, tags, sink, ctx);
  const { digest, imageId, manifestSize } = written;
  const id = imageId === undefined ? undefined : hex(imageId);
  ctx.logger.info(`*** Images (${id?.slice(0, 12) ?? digest}):`);
  for (const tag of tags) ctx.logger.info(`      ${tag}`);
  ctx.logger.debug(id === undefined ? `\n*** Digest: ${digest}` : `\n*** Image ID: ${id}`);
  if (manifestSize > 0) ctx.logger.debug(`\n*** Manifest Size: ${manifestSize}`);
  return { report: id === undefined ? { tags, digest, manifestSize } : { tags, imageId: id }, written };
}

function saySaving([first = ""]: readonly string[], { logger }: Context): void {
  logger.info(`Saving ${first}...`);
}

/** What a dry run reports: the image as it would be, of which nothing was written. */
export async function unsaved(image: Image, refs: readonly ImageRef[], layoutDir: string | undefined): Promise<Saved> {
  const { digest, bytes } = await image.manifest();
  const manifestSize = bytes.length;
  const tags = refs.map((ref) => imageName(ref, layoutDir));
  return { report: { tags, digest, manifestSize }, written: { digest, manifestSize, layers: [] } };
}

async function write(
  { image, refs, mountFrom, failure }: SaveInputs,
  tags: readonly string[],
  sink: ImageSink,
  ctx: Context,
): Promise<WriteReport> {
  try {
    return await sink.write(image, refs, { ctx, mountFrom });
  } catch (cause) {
    throw cause instanceof TspackError ? unwritten(cause, tags, failure) : cause;
  }
}

/**
 * What a failure to send a layer is called when it comes before the rest of the image is packed.
 * Platforms read the same lines as of one that comes later.
 */
export function notWritten(cause: TspackError, { outputImages, layoutDir }: ExportInputs, ctx: Context): TspackError {
  const tags = outputImages.map((ref) => imageName(ref, layoutDir));
  saySaving(tags, ctx);
  return unwritten(cause, tags, "EXPORT_FAILED");
}

/** A full disk and a cancelled build say more by themselves. */
function unwritten(cause: TspackError, tags: readonly string[], failure: ErrorCode): TspackError {
  if (cause.code === "CANCELED" || cause.code === "DISK_FULL") return cause;
  const message = `failed to write image to the following tags: [${tags.join(", ")}: ${cause.message}]`;
  return new TspackError(failure, message, { cause, hint: cause.hint });
}

/** Where layers of an app image may be already. */
export function mountableFrom({ previousImage, runImage }: ExportInputs): readonly ImageRef[] {
  return previousImage === undefined ? [runImage] : [previousImage, runImage];
}
