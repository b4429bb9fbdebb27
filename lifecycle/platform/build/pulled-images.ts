import type { ImageSource } from "../../stores/store.ts";
import type { Tools } from "../tools.ts";
import type { PullPolicy } from "./request.ts";

/** The host of images that tspack made itself: no registry has it. */
const ownHost = "tspack.local";

/**
 * Base images by pull policy: `always` asks the registry and takes the local one when the
 * registry has none, `if-not-present` the other way round, `never` asks no registry.
 */
export function pulledImages({ local, pulls }: Tools, policy: PullPolicy = "if-not-present"): ImageSource {
  return {
    resolve: async (ref, options) => {
      const own = ref.registry === ownHost;
      if (policy === "always" && !own) return (await pulls.resolve(ref, options)) ?? local.resolve(ref, options);
      const found = await local.resolve(ref, options);
      return found !== undefined || policy === "never" || own ? found : pulls.resolve(ref, options);
    },
  };
}
