import { decodeLayersMetadata } from "../../cnb/files/lifecycle-metadata.ts";
import type { Image } from "../../oci/image.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, openToolbox, requireImage, type TspackHost } from "../toolbox.ts";

/** What an app image says of itself; `--json` prints it as it is. */
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

/** `tspack inspect`: base, buildpacks, processes and layers of an image. */
export async function inspect(
  host: TspackHost,
  [name = ""]: readonly string[],
  options: CommonOptions & { readonly json?: boolean },
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const image = await requireImage(toolbox, name);
  const inspection = await inspectImage(name, image);
  host.stdout(options.json === true ? `${JSON.stringify(inspection, undefined, 2)}\n` : inspectionText(inspection));
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

function inspectionText(inspection: Inspection): string {
  const list = (name: string, values: readonly string[]): string =>
    values.map((value, index) => row(index === 0 ? name : "", value)).join("");
  const { base } = inspection;
  return [
    row("image", inspection.image),
    row("digest", inspection.digest),
    row("platform", inspection.platform),
    row("created", inspection.created ?? "unknown"),
    row("size", formatBytes(inspection.size)),
    row(
      "base",
      base === undefined
        ? "unknown: this image was not made by a lifecycle"
        : `${base.image === "" ? base.reference : base.image}${inspection.rebasable ? "" : " (not rebasable)"}`,
    ),
    ...(base === undefined ? [] : [row("", base.reference)]),
    list(
      "buildpacks",
      inspection.buildpacks.map(({ id, version }) => `${id} ${version}`),
    ),
    list(
      "processes",
      inspection.processes.map(
        ({ type, command, default: isDefault }) => `${type}${isDefault ? " (default)" : ""}: ${command}`,
      ),
    ),
    list(
      "layers",
      inspection.layers.map(
        ({ diffId, size, createdBy }) => `${diffId.slice(0, 19)} ${formatBytes(size).padStart(8)}  ${createdBy}`,
      ),
    ),
  ].join("");
}

function row(name: string, value: string): string {
  return `${name.padEnd(11)} ${value}\n`;
}
