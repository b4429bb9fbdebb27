import { platformApis, platformFeatures } from "../../cnb/api/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import { rebaseImage } from "../../phases/rebase.ts";
import type { ImageSource } from "../../stores/store.ts";
import { familiarName } from "../familiar-name.ts";
import type { Tools } from "../tools.ts";

/** Which image is put on which base. */
export interface RebaseRequest {
  readonly image: string;
  /** The new run image; the recorded one when absent. */
  readonly runImage?: string | undefined;
  /** Rebase in the registry instead of the local store. */
  readonly publish?: boolean | undefined;
  /** Rebase even when the bases do not fit. */
  readonly force?: boolean | undefined;
  /** Hosts of registries that may be used without TLS. */
  readonly insecureRegistries?: readonly string[] | undefined;
}

/** What a rebase did. */
export interface RebaseSummary {
  readonly image: string;
  readonly digest: string;
  /** The new run image with its digest. */
  readonly runImage: string;
  /** DiffID of its last layer. */
  readonly topLayer: string;
  readonly layersSent: number;
  readonly seconds: number;
}

/** Puts an image on a new base. Throws `REBASE_FAILED`, `NOT_REBASABLE`, `IMAGE_NOT_FOUND`. */
export async function rebase(request: RebaseRequest, tools: Tools): Promise<RebaseSummary> {
  const { images, local, registries, ctx } = tools;
  const ref = parseReference(request.image, "argument");
  const runImage = request.runImage === undefined ? undefined : parseReference(request.runImage, "--run-image");
  const sink = request.publish === true ? registries : local;
  // The app image is the one of the place that is written to; bases may come from anywhere.
  const source: ImageSource = {
    resolve: (wanted, settings) => (wanted === ref ? sink : images).resolve(wanted, settings),
  };
  const began = ctx.clock().getTime();
  const features = platformFeatures(platformApis.at(-1) ?? "");
  const { written, runImage: base } = await rebaseImage(
    { features, appImage: ref, outputImages: [ref], runImage, force: request.force === true },
    { images: source, sink, ctx },
  );
  return {
    image: familiarName(ref),
    digest: written.digest,
    runImage: base.reference,
    topLayer: base.topLayer,
    layersSent: written.layers.filter(({ outcome }) => outcome === "sent").length,
    seconds: (ctx.clock().getTime() - began) / 1000,
  };
}
