import { resolve } from "node:path";
import { newBuildpack } from "../../platform/buildpacks/new-buildpack.ts";
import { readTarget } from "../../platform/buildpacks/read-platform.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { type CommonOptions, type TspackHost } from "../toolbox.ts";

/** Options of `tspack buildpack new`. */
export interface BuildpackNewOptions extends CommonOptions {
  readonly api: string;
  readonly path?: string;
  readonly targets?: readonly string[];
  readonly version: string;
}

/** `tspack buildpack new`: the directory of a buildpack that takes part and does nothing yet. */
export async function createBuildpack(
  host: TspackHost,
  [id = ""]: readonly string[],
  { api, path, targets, version }: BuildpackNewOptions,
): Promise<void> {
  const short = path ?? id.split("/").at(-1) ?? id;
  const named = targets?.flatMap((text) => text.split(",")).map((text) => readTarget(text, "--targets"));
  const files = await newBuildpack({
    id,
    version,
    api,
    path: resolve(host.cwd, short),
    targets: named ?? [{ platform: machinePlatform(), distros: [] }],
  });
  const lines = files.map((file) => `  ${short}/${file}`);
  host.stdout(
    `Made buildpack ${id}@${version}\n${lines.join("\n")}\n\nNext: tspack build IMAGE --buildpack ${/^[./]/.test(short) ? short : `./${short}`}\n`,
  );
}
