import { downloadSbom as download } from "../../platform/inspect/download-sbom.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack sbom download`. */
export interface SbomDownloadOptions extends CommonOptions {
  readonly outputDir: string;
  readonly remote?: boolean;
}

/** `tspack sbom download`: the bills of materials that are in an image, as files. */
export async function downloadSbom(
  host: TspackHost,
  [image = ""]: readonly string[],
  { outputDir, remote, ...common }: SbomDownloadOptions,
): Promise<void> {
  const toolbox = openToolbox(host, common);
  const { files, where } = await download({ image, outputDir, remote }, toolbox);
  toolbox.ctx.logger.info(`Bills of materials of ${image}, from ${where}:`);
  for (const file of files) host.stdout(`${file}\n`);
}
