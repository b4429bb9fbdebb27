import type { LayersMetadata } from "../cnb/files/lifecycle-metadata.ts";

/** The metadata of no image: what there is before the first build. */
export const noLayersMetadata: LayersMetadata = {
  app: [],
  buildpacks: [],
  config: { sha: "" },
  launcher: { sha: "" },
  processTypes: { sha: "" },
  runImage: { topLayer: "", reference: "" },
};
