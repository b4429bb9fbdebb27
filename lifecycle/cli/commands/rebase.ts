import { rebase as rebaseImage, type RebaseSummary } from "../../platform/rebase/rebase.ts";
import { type CommonOptions, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack rebase`. */
export interface RebaseOptions extends CommonOptions {
  readonly runImage?: string;
  readonly publish?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `tspack rebase`: a new base below the same application layers. */
export async function rebase(host: TspackHost, names: readonly string[], options: RebaseOptions): Promise<void> {
  const toolbox = openToolbox(host, options);
  // A bad name is told before any image is changed.
  for (const name of names) imageArgument(name);
  for (const image of names) {
    const summary = await rebaseImage({ ...options, image }, toolbox);
    host.stdout(options.json === true ? `${JSON.stringify(summary)}\n` : rebaseText(image, summary));
  }
}

function rebaseText(image: string, { digest, runImage, layersSent, seconds }: RebaseSummary): string {
  const layers = layersSent === 0 ? "none sent" : `${layersSent} of the run image sent`;
  const rows = [
    ["digest", digest],
    ["run image", runImage],
    ["layers", layers],
    ["time", `${seconds.toFixed(1)} s`],
  ] as const;
  return `Rebased ${image}\n${rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}\n`).join("")}`;
}
