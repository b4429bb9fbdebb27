import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Image } from "../../oci/image.ts";
import { encodeIndex } from "../../oci/manifest.ts";
import { ociTypes } from "../../oci/media-type.ts";
import { type ImageRef, withDigest } from "../../oci/reference.ts";
import type { Tools } from "../tools.ts";

/** One of the images that have a name in common. */
export interface PlatformImage {
  readonly platform: Platform;
  readonly image: Image;
}

/** What was written under the names. */
export interface WrittenImages {
  /** Of the only image, or of the index. */
  readonly digest: Digest;
  readonly isIndex: boolean;
}

/**
 * Sends images for several platforms to their registries: one is sent as it is, several by an index.
 * No name leads to an index whose images are not there. Throws what registries throw.
 */
export async function publishImages(
  images: readonly [PlatformImage, ...PlatformImage[]],
  refs: readonly ImageRef[],
  { registries, ctx }: Pick<Tools, "registries" | "ctx">,
): Promise<WrittenImages> {
  const [only, ...others] = images;
  if (others.length === 0)
    return { digest: (await registries.write(only.image, refs, { ctx })).digest, isIndex: false };
  const manifests: Descriptor[] = [];
  for (const { platform, image } of images) {
    const { digest, bytes, value } = await image.manifest();
    await registries.write(
      image,
      refs.map((ref) => withDigest(ref, digest)),
      { ctx },
    );
    manifests.push({ mediaType: value.mediaType ?? ociTypes.manifest, size: bytes.length, digest, platform });
  }
  const index = encodeIndex({ schemaVersion: 2, mediaType: ociTypes.index, manifests });
  for (const ref of refs) await registries.writeIndex(index, ref);
  return { digest: index.digest, isIndex: true };
}

/**
 * The platform of an image that is kept here: the one asked for when there is one, else this
 * machine's or, when it is not among them, the first.
 */
export function ownPlatform(platforms: readonly Platform[], own: Platform): Platform {
  const isOwn = (one: Platform): boolean => one.os === own.os && one.architecture === own.architecture;
  return platforms.find(isOwn) ?? platforms[0] ?? own;
}
