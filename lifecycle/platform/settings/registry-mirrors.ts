import type { Logger } from "../../logger.ts";
import { dockerHub, type ImageRef } from "../../oci/reference.ts";
import type { ImageSource } from "../../stores/store.ts";
import type { Settings } from "../settings.ts";

/**
 * Fetches base images from the mirrors of their registries. A mirror stands for its registry: what
 * it does not have is not looked for elsewhere, because in a closed network that would only hang.
 * A mirror gets the credentials that are stored for it, never those of the registry it stands for.
 * What is pushed, and the images of applications, always go to and come from the registry itself.
 */
export function mirroredSource(
  registries: ImageSource,
  { registryMirrors }: Pick<Settings, "registryMirrors">,
  logger: Logger,
): ImageSource {
  if (registryMirrors.size === 0) return registries;
  return {
    async resolve(ref, options) {
      const mirrored = mirrorOf(ref, registryMirrors);
      if (mirrored === undefined) return registries.resolve(ref, options);
      const { registry, repository } = mirrored;
      logger.debug(`${ref.original} is asked for at ${registry}/${repository}, the mirror of ${ref.registry}`);
      const image = await registries.resolve(mirrored, options);
      if (image === undefined) logger.warn(`the mirror ${registry} of ${ref.registry} does not have ${ref.original}`);
      return image;
    },
  };
}

/** The name of an image at the mirror of its registry; undefined without a mirror. */
export function mirrorOf(ref: ImageRef, mirrors: ReadonlyMap<string, string>): ImageRef | undefined {
  const names = ref.registry === dockerHub ? [dockerHub, "docker.io"] : [ref.registry];
  const mirror = names.map((name) => mirrors.get(name)).find((one) => one !== undefined) ?? mirrors.get("*");
  if (mirror === undefined) return undefined;
  const [registry = "", ...path] = mirror.split("/");
  if (registry === ref.registry && path.length === 0) return undefined;
  return {
    ...ref,
    registry: registry === "docker.io" ? dockerHub : registry,
    repository: [...path, ref.repository].join("/"),
  };
}
