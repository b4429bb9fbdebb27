import type { ImageRef } from "../../oci/reference.ts";
import type { Tools } from "../tools.ts";
import { type PlatformImage, publishImages, type WrittenImages } from "./write-images.ts";

/** Where a builder or a package goes. */
export type ImageOutput = "local" | "registry" | "engine";

/**
 * Writes what was made for one name: to the local store or a container engine, which have one image
 * per name, or to its registry. The digest of an engine's image is its ID. Throws what the stores throw.
 */
export async function writeImages(
  images: readonly [PlatformImage, ...PlatformImage[]],
  refs: readonly ImageRef[],
  output: ImageOutput,
  tools: Tools,
): Promise<WrittenImages> {
  const { ctx, local } = tools;
  const [{ image }] = images;
  switch (output) {
    case "registry":
      return publishImages(images, refs, tools);
    case "local":
      return { digest: (await local.write(image, refs, { ctx })).digest, isIndex: false };
    case "engine": {
      const { withEngineDestination } = await import("./engine-destination.ts");
      return withEngineDestination(tools, async ({ sink }) => ({
        digest: (await sink.write(image, refs, { ctx })).digest,
        isIndex: false,
      }));
    }
  }
}
