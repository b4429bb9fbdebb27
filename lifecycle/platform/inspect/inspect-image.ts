import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import { decodeBuildLabel, labelNames } from "../../cnb/labels.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import { withImagePlaces } from "../image-places/open-places.ts";
import { isFilePlace } from "../image-places/parse-place.ts";
import { requireImage } from "../require-image.ts";
import type { Tools } from "../tools.ts";
import { type BaseState, baseState } from "./base-state.ts";
import { indexedImages, type InspectedIndex } from "./indexed-images.ts";

/** A buildpack or extension that made the image. */
export interface InspectedModule {
  readonly id: string;
  readonly version: string;
  readonly homepage?: string | undefined;
}

/** A process type of an image. */
export interface InspectedProcess {
  readonly type: string;
  /** Command and arguments in one line, for people. */
  readonly command: string;
  readonly default: boolean;
  /** As the label has it; the image's working directory when absent. */
  readonly workingDirectory: string | undefined;
  /** The command, then what comes after it. */
  readonly words: readonly string[];
  readonly args: readonly string[];
  /** False: a shell runs it. */
  readonly direct: boolean;
}

/** What an app image says of itself. Sizes are compressed bytes. */
export interface Inspection {
  readonly image: string;
  /** Of the manifest; the image's ID in a container engine. */
  readonly digest: string;
  readonly platform: string;
  /** Only when the name is that of an index: the images for platforms that it has, in its order. */
  readonly index?: InspectedIndex | undefined;
  readonly created: string | undefined;
  readonly size: number;
  readonly entrypoint: readonly string[];
  readonly workingDirectory: string;
  readonly base:
    | {
        readonly image: string;
        readonly mirrors: readonly string[];
        readonly reference: string;
        readonly topLayer: string;
        /** Whether the run image of that name is another one by now. */
        readonly state: BaseState;
      }
    | undefined;
  /** `io.buildpacks.stack.id`; empty when there is none. */
  readonly stack: string;
  readonly rebasable: boolean;
  readonly buildpacks: readonly InspectedModule[];
  readonly extensions: readonly InspectedModule[];
  readonly processes: readonly InspectedProcess[];
  /** DiffID of the layer with the bills of materials, which `tspack sbom download` unpacks. */
  readonly sbom: string | undefined;
  /** The old, unstructured bill of materials as the label has it. */
  readonly bom: readonly unknown[];
  readonly layers: readonly { readonly diffId: string; readonly size: number; readonly createdBy: string }[];
}

/**
 * Reads an image: a file, one of the local store or the container engine, or of its registry. Throws
 * `IMAGE_NOT_FOUND`, `INVALID_REFERENCE`.
 */
export async function inspect(name: string, tools: Tools): Promise<Inspection> {
  const here = await inspectHere(name, tools);
  if (here !== undefined) return here;
  if (!isFilePlace(name)) return inspectImage(name, await requireImage(tools.images, name), tools);
  throw new TspackError("IMAGE_NOT_FOUND", `there is no image in ${name}`, {
    hint: "oci:DIRECTORY names an OCI layout, with oci-layout and index.json in it",
  });
}

/** What this machine has under a name: a file, or an image of the local store or of the container engine. */
export function inspectHere(name: string, tools: Tools): Promise<Inspection | undefined> {
  return withImagePlaces(tools, async ({ open }) => {
    const image = await (await open(name)).image();
    return image === undefined ? undefined : inspectImage(name, image, tools);
  });
}

/** Reads what an image is made of. Throws `INVALID_JSON` for labels that can not be read. */
export async function inspectImage(name: string, image: Image, tools: Tools): Promise<Inspection> {
  const { value: config } = await image.config();
  const labels = config.config?.Labels ?? {};
  const metadata = labels[labelNames.lifecycleMetadata];
  const layersMetadata =
    metadata === undefined ? undefined : decodeLayersMetadata(metadata, `${name}: ${labelNames.lifecycleMetadata}`);
  const built = labels[labelNames.buildMetadata];
  return {
    image: name,
    platform: `${config.os}/${config.architecture}${config.variant === undefined ? "" : `/${config.variant}`}`,
    ...(image.fromIndex === undefined ? {} : { index: await indexedImages(name, image.fromIndex, tools) }),
    created: config.created,
    entrypoint: config.config?.Entrypoint ?? [],
    workingDirectory: config.config?.WorkingDir ?? "",
    base: layersMetadata === undefined ? undefined : await baseOf(layersMetadata, config, tools),
    stack: labels[labelNames.stackId] ?? "",
    rebasable: layersMetadata !== undefined && labels[labelNames.rebasable] !== "false",
    ...(built === undefined ? notBuilt : readBuilt(built, name, config)),
    sbom: layersMetadata?.sbom?.sha,
    ...(await measured(image, config)),
  };
}

const notBuilt = { buildpacks: [], extensions: [], processes: [], bom: [] };

type Built = Pick<Inspection, "buildpacks" | "extensions" | "processes" | "bom">;

function readBuilt(label: string, name: string, config: ImageConfig): Built {
  const { buildpacks, extensions, processes } = decodeBuildLabel(label, `${name}: ${labelNames.buildMetadata}`);
  const entrypoint = config.config?.Entrypoint?.[0];
  const module = ({ id, version, homepage }: InspectedModule): InspectedModule => ({
    id,
    version,
    ...(homepage === undefined || homepage === "" ? {} : { homepage }),
  });
  return {
    buildpacks: buildpacks.map(module),
    extensions: extensions.map(module),
    processes: processes.map(({ type, command, args, direct, workingDirectory }) => ({
      type,
      command: [...command, ...(args ?? [])].join(" "),
      default: entrypoint === `/cnb/process/${type}`,
      workingDirectory: workingDirectory === "" ? undefined : workingDirectory,
      words: command,
      args: args ?? [],
      direct,
    })),
    // As it was written: numbers and all.
    bom: (JSON.parse(label) as { readonly bom?: readonly unknown[] | null }).bom ?? [],
  };
}

async function baseOf(
  { runImage, stack }: ReturnType<typeof decodeLayersMetadata>,
  config: ImageConfig,
  tools: Tools,
): Promise<Inspection["base"]> {
  const named = runImage.image === undefined || runImage.image === "" ? stack?.runImage : runImage;
  const { image = "", mirrors = [] } = named ?? {};
  const { reference, topLayer } = runImage;
  return { image, mirrors, reference, topLayer, state: await baseState({ image, topLayer }, config, tools) };
}

/** An engine would save the whole image to tell its compressed size, and has no manifest. */
async function measured(image: Image, config: ImageConfig): Promise<Pick<Inspection, "digest" | "size" | "layers">> {
  const manifest = image.engineId === undefined ? await image.manifest() : undefined;
  const sizes = manifest?.value.layers.map(({ size }) => size) ?? [];
  const history = (config.history ?? []).filter((entry) => entry.empty_layer !== true);
  return {
    digest: manifest?.digest ?? image.engineId ?? "",
    size: sizes.reduce((sum, size) => sum + size, 0),
    layers: config.rootfs.diff_ids.map((diffId, index) => ({
      diffId,
      size: sizes[index] ?? 0,
      createdBy: history[index]?.created_by ?? "",
    })),
  };
}
