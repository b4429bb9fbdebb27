import { RemoteError, TspackError } from "../errors.ts";
import type { Image } from "../oci/image.ts";
import { parseReference } from "../oci/reference.ts";
import type { ImageSource } from "../stores/store.ts";

/** An image that has to be there, here or in its registry. Throws `IMAGE_NOT_FOUND`, `INVALID_REFERENCE`. */
export async function requireImage(images: ImageSource, name: string): Promise<Image> {
  const image = await orNotHere(name, images.resolve(parseReference(name, "argument")));
  if (image !== undefined) return image;
  throw new TspackError(
    "IMAGE_NOT_FOUND",
    `there is no image ${name}, neither in the local store nor in its registry`,
    {
      hint: "tspack images list shows the local ones",
    },
  );
}

/**
 * What a registry says of an image that is not here. That it was asked because the image is not here is what
 * people may not know when it does not answer. Throws `REGISTRY_UNREACHABLE` with both.
 */
export async function orNotHere<T>(name: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (!(cause instanceof RemoteError) || cause.code !== "REGISTRY_UNREACHABLE") throw cause;
    const message = `there is no image ${name} in the local store, and its registry can not be asked`;
    throw new TspackError("REGISTRY_UNREACHABLE", message, {
      cause,
      hint: "tspack images list shows the local ones; for others, check the name and the network",
    });
  }
}
