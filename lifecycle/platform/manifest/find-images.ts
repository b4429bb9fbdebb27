import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { isManifestType, ociTypes } from "../../oci/media-type.ts";
import { type ImageRef, withDigest } from "../../oci/reference.ts";
import { fullName } from "../../stores/layout/layout-store.ts";
import type { Tools } from "../tools.ts";
import type { ListEntry } from "./manifest-list.ts";

/**
 * The images that a name means: all of an index, else the one. The registry's count; the local store
 * helps out. Throws `IMAGE_NOT_FOUND`.
 */
export async function findImages(ref: ImageRef, { registries, local }: Tools): Promise<readonly ListEntry[]> {
  const index = ref.registry === ownHost ? undefined : await registries.readIndex(ref);
  if (index !== undefined) {
    const images = index.value.manifests.filter(
      ({ mediaType, platform }) => isManifestType(mediaType) && platform !== undefined && platform.os !== "unknown",
    );
    const name = fullName(ref);
    return images.map(({ digest, size, mediaType, platform, annotations = {} }): ListEntry => {
      const { os = "", architecture = "", ...rest } = platform ?? {};
      const { variant, "os.version": osVersion } = rest as NonNullable<typeof platform>;
      const more = {
        ...(variant === undefined ? {} : { variant }),
        ...(osVersion === undefined ? {} : { "os.version": osVersion }),
      };
      return { name, from: "registry", digest, size, mediaType, platform: { os, architecture, ...more }, annotations };
    });
  }
  const remote = ref.registry === ownHost ? undefined : await registries.resolve(ref);
  const image = remote ?? (await local.resolve(ref));
  if (image !== undefined) return [await entryOf(ref, image, remote === undefined ? "local" : "registry")];
  throw new TspackError("IMAGE_NOT_FOUND", `there is no image ${ref.original}, neither in its registry nor here`, {
    hint: "build it with --publish first, or check its name",
  });
}

/** The host of images that tspack made itself: no registry has it. */
const ownHost = "tspack.local";

async function entryOf(ref: ImageRef, image: Image, from: ListEntry["from"]): Promise<ListEntry> {
  const [manifest, { value: config }] = await Promise.all([image.manifest(), image.config()]);
  const { os, architecture, variant } = config;
  return {
    name: fullName(ref),
    from,
    digest: manifest.digest,
    size: manifest.bytes.length,
    mediaType: manifest.value.mediaType ?? ociTypes.manifest,
    platform: { os, architecture, ...(variant === undefined || variant === "" ? {} : { variant }) },
    annotations: {},
  };
}

/** Opens the image of an entry where it was found. Throws `IMAGE_NOT_FOUND` when it is gone. */
export async function openEntry(ref: ImageRef, entry: ListEntry, { registries, local }: Tools): Promise<Image> {
  const exact = withDigest(ref, entry.digest);
  const image = await (entry.from === "registry" ? registries : local).resolve(exact);
  if (image !== undefined) return image;
  throw new TspackError("IMAGE_NOT_FOUND", `${exact.original} is gone`, {
    hint: "take it out with tspack manifest remove, and add what is there now",
  });
}
