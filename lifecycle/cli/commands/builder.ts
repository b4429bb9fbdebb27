import { resolve } from "node:path";
import type { Platform } from "../../oci/descriptor.ts";
import type { PullPolicy } from "../../platform/build/request.ts";
import { builderOfToml, builderTargets } from "../../platform/builder/builder-of-toml.ts";
import { distinctPlatforms, platformText, readTarget } from "../../platform/buildpacks/read-platform.ts";
import { ownPlatform, type PlatformImage } from "../../platform/output/write-images.ts";
import { type ImageOutput, writeImages } from "../../platform/output/write-where.ts";
import { requireFile } from "../../platform/require-file.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { imageOutput } from "../image-output.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  readVariables,
  type TspackHost,
} from "../toolbox.ts";

/** Options of `tspack builder create`. */
export interface BuilderCreateOptions extends CommonOptions {
  readonly config: string;
  readonly publish?: boolean;
  readonly output?: ImageOutput;
  readonly mirror?: string;
  readonly tag?: readonly string[];
  readonly label?: readonly string[];
  readonly target?: readonly string[];
  readonly pullPolicy?: PullPolicy;
  readonly buildpackRegistry?: string;
  readonly json?: boolean;
}

/** `tspack builder create`: an image of a `builder.toml`. */
export async function createBuilderCommand(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: BuilderCreateOptions,
): Promise<void> {
  const refs = [imageArgument(name), ...(options.tag ?? []).map((text) => imageArgument(text, "--tag"))];
  const toolbox = openToolbox(host, options);
  const file = requireFile(resolve(host.cwd, options.config), "--config");
  const labels = readVariables(options.label ?? [], {}, "--label");
  const { mirror, pullPolicy, buildpackRegistry } = options;
  const make = async (platform: Platform): Promise<PlatformImage> => ({
    platform,
    image: await builderOfToml(toolbox, { file, mirror, platform, labels, pullPolicy, buildpackRegistry }),
  });
  const [first, ...others] = choosePlatforms(file, options);
  const images: [PlatformImage, ...PlatformImage[]] = [await make(first)];
  for (const platform of others) images.push(await make(platform));
  const { digest, isIndex } = await writeImages(images, refs, imageOutput(options), toolbox);
  const names = refs.map(familiarName);
  const made = images.map(async ({ platform, image }) => ({
    platform: platformText(platform),
    digest: (await image.manifest()).digest,
  }));
  const platforms = isIndex ? await Promise.all(made) : [];
  if (options.json === true) {
    host.stdout(`${JSON.stringify({ names, digest, ...(isIndex ? { images: platforms } : {}) })}\n`);
    return;
  }
  const rows = platforms.map((one) => `  ${one.platform}  ${one.digest}\n`).join("");
  const what = isIndex ? "index" : "digest";
  host.stdout(
    `Made builder ${names.join(", ")}\n  ${what}  ${digest}\n${rows}\nNext: tspack build IMAGE --builder ${name}\n`,
  );
}

/** Those that were asked for, else those of the file; the local store keeps one image per name. */
function choosePlatforms(
  file: string,
  { target = [], ...options }: BuilderCreateOptions,
): readonly [Platform, ...Platform[]] {
  const asked = target.map((text) => readTarget(text, "--target").platform);
  const [first, ...others] = distinctPlatforms(asked.length > 0 ? asked : builderTargets(file));
  if (first !== undefined && imageOutput(options) === "registry") return [first, ...others];
  return [ownPlatform(first === undefined ? [] : [first, ...others], machinePlatform())];
}
