import type { Context } from "../../context.ts";
import { InputError, TspackError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { encodeIndex, type Index } from "../../oci/manifest.ts";
import { isManifestType, ociTypes } from "../../oci/media-type.ts";
import type { Raw } from "../../oci/raw.ts";
import { type ImageRef, withDigest } from "../../oci/reference.ts";
import { inParallel } from "../../phases/in-parallel.ts";
import type { RebaseResult } from "../../phases/rebase.ts";
import type { ImagePlace, IndexPlace } from "../image-places/image-place.ts";
import { planOf, refusedPlan } from "./plan.ts";
import { quiet, type RebaseJob, type RebaseSubject, rebaseSubject } from "./rebase-job.ts";
import type { PlatformPlan, RebasePlan } from "./request.ts";

/** An index whose images are rebased. */
export interface IndexSubject {
  /** Where it is. */
  readonly from: ImagePlace & { readonly indexes: IndexPlace };
  readonly index: Raw<Index>;
  /** Where the new one goes. */
  readonly place: ImagePlace & { readonly indexes: IndexPlace };
}

/** What became of an index. */
export interface RebasedIndex {
  readonly digest: string;
  readonly images: readonly { readonly platform: string; readonly result: RebaseResult }[];
}

/** Platforms that are rebased at a time. */
const atATime = 4;

/**
 * Puts the image of each platform on the run image of its platform, and writes the index of them last: a
 * failure leaves the name as it was. Annotations and the order stay. Throws what `rebaseImage` throws,
 * with the platform in front.
 */
export async function rebaseIndex(subject: IndexSubject, job: RebaseJob, ctx: Context): Promise<RebasedIndex> {
  const { index, place } = subject;
  const entries = imagesOf(subject, ctx);
  const rebased = await inParallel(entries, atATime, (entry) =>
    naming(entry, async () => {
      const result = await rebaseSubject(await openEntry(entry, subject), job, quiet(ctx, platformOf(entry)), false);
      const manifest = await result.image.manifest();
      const { digest, value, bytes } = manifest;
      const mediaType = value.mediaType ?? ociTypes.manifest;
      return { entry: { ...entry, mediaType, digest, size: bytes.length }, result };
    }),
  );
  const next = encodeIndex({ ...index.value, manifests: rebased.map(({ entry }) => entry) });
  checkDigest(place.ref, next);
  await place.indexes.write(next);
  ctx.logger.debug(`${place.name} is ${next.digest} now`);
  return {
    digest: next.digest,
    images: rebased.map(({ entry, result }) => ({ platform: platformOf(entry), result })),
  };
}

/** What `rebaseIndex` would do with each image; nothing is changed. */
export async function planIndex(
  name: string,
  subject: IndexSubject,
  job: RebaseJob,
  ctx: Context,
): Promise<RebasePlan> {
  const platforms = await inParallel(imagesOf(subject, ctx), atATime, (entry) =>
    naming(entry, async (): Promise<PlatformPlan> => {
      const opened = await openEntry(entry, subject);
      const platform = platformOf(entry);
      try {
        const after = await rebaseSubject(opened, job, quiet(ctx, platform), true);
        const { image: _, ...plan } = await planOf(name, opened.image, after);
        return { platform, ...plan };
      } catch (error) {
        if (!(error instanceof TspackError) || error.code !== "NOT_REBASABLE") throw error;
        const { image: _, ...plan } = await refusedPlan(name, opened.image, error);
        return { platform, ...plan };
      }
    }),
  );
  const of = (action: RebasePlan["action"]): readonly PlatformPlan[] =>
    platforms.filter((plan) => plan.action === action);
  const action = of("refuse").length > 0 ? "refuse" : of("rebase").length > 0 ? "rebase" : "none";
  const said = of(action)[0];
  return {
    image: name,
    action,
    reason: `${of(action)
      .map(({ platform }) => platform)
      .join(", ")}: ${said?.reason ?? "it has no images"}`,
    from: said?.from ?? { image: "", reference: "", topLayer: "" },
    platforms,
  };
}

/** The entries that are images of a platform. What tells of the old images does not fit the new ones. */
function imagesOf({ from, index }: IndexSubject, { logger }: Context): readonly Descriptor[] {
  const { manifests } = index.value;
  const isAbout = ({ platform, annotations = {} }: Descriptor): boolean =>
    platform?.os === "unknown" || annotations["vnd.docker.reference.type"] !== undefined;
  const images = manifests.filter((entry) => !isAbout(entry));
  const strange = images.filter(({ mediaType }) => !isManifestType(mediaType));
  if (strange.length > 0 || images.length === 0) {
    const got = strange.map(({ digest, mediaType }) => `${digest} of type ${mediaType}`).join(", ");
    const issue = { source: from.name, path: "manifests", expected: "images of platforms", got: got || "none" };
    throw new InputError("REBASE_FAILED", `${from.name} is an index that can not be rebased`, [issue], {
      hint: "name one of its images: tspack manifest inspect shows them",
    });
  }
  const left = manifests.length - images.length;
  if (left > 0) {
    logger.warn(`${from.name}: ${left} attestations about the images before are not in the new index`);
  }
  return images;
}

async function openEntry(entry: Descriptor, { from, place }: IndexSubject): Promise<RebaseSubject> {
  const ref = withDigest(from.ref, entry.digest);
  const image = await from.indexes.image(entry);
  if (image === undefined) {
    throw new TspackError("REBASE_FAILED", `${ref.original} is gone, though the index names it`, {
      hint: "push the index again with all of its images",
    });
  }
  // Only the index gets the name: without it, nobody sees an image of half an index.
  const sink: RebaseSubject["target"]["sink"] = {
    write: (written, _refs, options) => place.indexes.put(written, options),
  };
  return { ref, image, target: { ref: place.ref, kind: place.kind, sink } };
}

/** Says which platform it was. */
async function naming<T>(entry: Descriptor, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
    const { code, message, hint } = error;
    throw new TspackError(code, `${platformOf(entry)}: ${message}`, { cause: error, hint });
  }
}

function checkDigest(ref: ImageRef, { digest }: Raw<Index>): void {
  if (ref.digest === undefined || ref.digest === digest) return;
  const issue = { source: ref.original, path: "digest", expected: digest, got: ref.digest };
  throw new InputError("INVALID_REFERENCE", `${ref.original} names the index as it was`, [issue], {
    hint: "name the result by a tag, and the index that is rebased by --previous-image",
  });
}

function platformOf({ platform, digest }: Descriptor): string {
  if (platform === undefined) return digest;
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}
