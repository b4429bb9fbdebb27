import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { Image } from "../../oci/image.ts";
import { requireImage } from "../require-image.ts";
import type { Tools } from "../tools.ts";

/** What an app image says of itself. Sizes are compressed bytes. */
export interface Inspection {
  readonly image: string;
  readonly digest: string;
  readonly platform: string;
  readonly created: string | undefined;
  readonly size: number;
  readonly entrypoint: readonly string[];
  readonly base: { readonly image: string; readonly reference: string; readonly topLayer: string } | undefined;
  readonly rebasable: boolean;
  readonly buildpacks: readonly { readonly id: string; readonly version: string }[];
  readonly processes: readonly {
    readonly type: string;
    readonly command: string;
    readonly default: boolean;
    readonly workingDirectory: string | undefined;
  }[];
  readonly layers: readonly { readonly diffId: string; readonly size: number; readonly createdBy: string }[];
}

/** Reads an image, here or in its registry. Throws `IMAGE_NOT_FOUND`, `INVALID_REFERENCE`. */
export async function inspect(name: string, { images }: Pick<Tools, "images">): Promise<Inspection> {
  return inspectImage(name, await requireImage(images, name));
}

interface BuildLabel {
  readonly buildpacks?: readonly { readonly id: string; readonly version: string }[];
  readonly processes?: readonly {
    readonly type: string;
    readonly command: string | readonly string[];
    readonly args?: readonly string[] | null;
    readonly "working-dir"?: string;
  }[];
}

async function inspectImage(name: string, image: Image): Promise<Inspection> {
  const [manifest, { value: config }] = await Promise.all([image.manifest(), image.config()]);
  const labels = config.config?.Labels ?? {};
  const label = (key: string): string | undefined => labels[`io.buildpacks.${key}`];
  const metadata = label("lifecycle.metadata");
  const runImage =
    metadata === undefined
      ? undefined
      : decodeLayersMetadata(metadata, `${name}: io.buildpacks.lifecycle.metadata`).runImage;
  const build = JSON.parse(label("build.metadata") ?? "{}") as BuildLabel;
  const entrypoint = config.config?.Entrypoint ?? [];
  const history = (config.history ?? []).filter((entry) => entry.empty_layer !== true);
  return {
    image: name,
    digest: manifest.digest,
    platform: `${config.os}/${config.architecture}${config.variant === undefined ? "" : `/${config.variant}`}`,
    created: config.created,
    size: manifest.value.layers.reduce((sum, layer) => sum + layer.size, 0),
    entrypoint,
    base:
      runImage === undefined
        ? undefined
        : { image: runImage.image ?? "", reference: runImage.reference, topLayer: runImage.topLayer },
    rebasable: runImage !== undefined && label("rebasable") !== "false",
    buildpacks: (build.buildpacks ?? []).map(({ id, version }) => ({ id, version })),
    processes: (build.processes ?? []).map(({ type, command, args, "working-dir": workingDirectory }) => ({
      type,
      command: [...(typeof command === "string" ? [command] : command), ...(args ?? [])].join(" "),
      default: entrypoint[0] === `/cnb/process/${type}`,
      workingDirectory,
    })),
    layers: config.rootfs.diff_ids.map((diffId, index) => ({
      diffId,
      size: manifest.value.layers[index]?.size ?? 0,
      createdBy: history[index]?.created_by ?? "",
    })),
  };
}
