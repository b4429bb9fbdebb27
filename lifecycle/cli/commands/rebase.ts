import { platformApis, platformFeatures } from "../../cnb/api/platform.ts";
import { rebaseImage } from "../../phases/rebase.ts";
import type { ImageSource } from "../../stores/store.ts";
import { type CommonOptions, familiarName, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack rebase`. */
export interface RebaseOptions extends CommonOptions {
  readonly runImage?: string;
  readonly publish?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `tspack rebase`: a new base below the same application layers. */
export async function rebase(host: TspackHost, names: readonly string[], options: RebaseOptions): Promise<void> {
  const { images, local, registries, ctx } = openToolbox(host, options);
  const refs = names.map((name) => imageArgument(name));
  const runImage = options.runImage === undefined ? undefined : imageArgument(options.runImage, "--run-image");
  const sink = options.publish === true ? registries : local;
  for (const ref of refs) {
    // The app image is the one of the place that is written to; bases may come from anywhere.
    const source: ImageSource = {
      resolve: (wanted, settings) => (wanted === ref ? sink : images).resolve(wanted, settings),
    };
    const began = performance.now();
    const result = await rebaseImage(
      {
        features: platformFeatures(platformApis.at(-1) ?? ""),
        appImage: ref,
        outputImages: [ref],
        runImage,
        force: options.force === true,
      },
      { images: source, sink, ctx },
    );
    const { reference, topLayer } = result.runImage;
    const sent = result.written.layers.filter(({ outcome }) => outcome === "sent").length;
    const summary = {
      image: familiarName(ref),
      digest: result.written.digest,
      runImage: reference,
      topLayer,
      layersSent: sent,
      seconds: (performance.now() - began) / 1000,
    };
    if (options.json === true) host.stdout(`${JSON.stringify(summary)}\n`);
    else
      host.stdout(
        `Rebased ${ref.original}\n  digest     ${summary.digest}\n  run image  ${reference}\n  layers     ${sent === 0 ? "none sent" : `${sent} of the run image sent`}\n  time       ${summary.seconds.toFixed(1)} s\n`,
      );
  }
}
