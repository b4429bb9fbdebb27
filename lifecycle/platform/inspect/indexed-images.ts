import { TspackError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { isManifestType } from "../../oci/media-type.ts";
import { withDigest } from "../../oci/reference.ts";
import { parsePlace } from "../image-places/parse-place.ts";
import type { Tools } from "../tools.ts";

/** An image of an index. */
export interface IndexedImage {
  /** `linux/arm64/v8`. */
  readonly platform: string;
  readonly digest: string;
}

/** An index by its digest, with its images in their order: none where they could not be read. */
export interface InspectedIndex {
  readonly digest: string;
  readonly images: readonly IndexedImage[];
}

/** What an index in a registry has for platforms. It is only nice to know: throws `CANCELED` and nothing else. */
export async function indexedImages(name: string, digest: Digest, { registries, ctx }: Tools): Promise<InspectedIndex> {
  const place = parsePlace(name);
  if (place.kind !== "name") return { digest, images: [] };
  try {
    const index = await registries.readIndex(withDigest(place.ref, digest));
    const images = (index?.value.manifests ?? []).filter(
      ({ mediaType, platform }) => isManifestType(mediaType) && platform !== undefined && platform.os !== "unknown",
    );
    return {
      digest,
      images: images.map((entry) => {
        const { os = "", architecture = "", variant } = entry.platform ?? {};
        return {
          platform: [os, architecture, ...(variant === undefined ? [] : [variant])].join("/"),
          digest: entry.digest,
        };
      }),
    };
  } catch (error) {
    if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
    ctx.logger.debug(`The index ${digest} of ${name} could not be read: ${error.message}`);
    return { digest, images: [] };
  }
}
