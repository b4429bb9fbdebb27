import { TspackError } from "../errors.ts";
import type { Image } from "../oci/image.ts";
import { parseReference } from "../oci/reference.ts";
import type { ImageSource } from "../stores/store.ts";

/** An image that has to be there, here or in its registry. Throws `IMAGE_NOT_FOUND`, `INVALID_REFERENCE`. */
export async function requireImage(images: ImageSource, name: string): Promise<Image> {
  const image = await images.resolve(parseReference(name, "argument"));
  if (image !== undefined) return image;
  throw new TspackError(
    "IMAGE_NOT_FOUND",
    `there is no image ${name}, neither in the local store nor in its registry`,
    {
      hint: "tspack images list shows the local ones",
    },
  );
}
