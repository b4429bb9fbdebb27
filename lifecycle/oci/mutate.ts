import type { DiffId } from "./digest.ts";
import type { Image } from "./image.ts";
import type { ContainerConfig, HistoryEntry, ImageConfig } from "./image-config.ts";
import type { Layer } from "./layer.ts";
import { formatOf, type ManifestFormat } from "./media-type.ts";
import { imageFromParts, type ImageParts } from "./memory-image.ts";

/** One change of an image; pure. */
export type Edit = (parts: ImageParts) => ImageParts;

/** A layer to add, with its line of history. */
export interface Addition {
  readonly layer: Layer;
  readonly history?: HistoryEntry;
}

/** A new view of the image with the edits applied in order. Layers that stay are not read. */
export function mutate(image: Image, ...edits: readonly Edit[]): Image {
  let made: Promise<Image> | undefined;
  const edited = (): Promise<Image> => (made ??= applyEdits(image, edits));
  return {
    manifest: async () => (await edited()).manifest(),
    config: async () => (await edited()).config(),
    layers: async () => (await edited()).layers(),
    parts: async () => partsOf(await edited()),
  };
}

async function applyEdits(image: Image, edits: readonly Edit[]): Promise<Image> {
  const parts = edits.reduce((before, edit) => edit(before), await partsOf(image));
  return imageFromParts(parts);
}

/** What an image is made of. */
export async function partsOf(image: Image): Promise<ImageParts> {
  if (image.parts !== undefined) return image.parts();
  const [manifest, config, layers] = await Promise.all([image.manifest(), image.config(), image.layers()]);
  const { mediaType, config: configDescriptor, annotations } = manifest.value;
  return {
    config: config.value,
    layers,
    // A manifest may leave its own type out; then its config's type tells the family.
    format: mediaType === undefined ? formatOfConfig(configDescriptor.mediaType) : formatOf(mediaType),
    annotations,
  };
}

function formatOfConfig(mediaType: string): ManifestFormat {
  return mediaType.startsWith("application/vnd.docker.") ? "docker" : "oci";
}

/** Adds layers on top, each with a line of history; the base's history is made to fit its layers first. */
export function appendLayers(additions: readonly Addition[]): Edit {
  return (parts) => {
    const history = layerHistory(parts.config.history, parts.layers.length);
    return {
      ...parts,
      layers: [...parts.layers, ...additions.map(({ layer }) => layer)],
      config: { ...parts.config, history: [...history, ...additions.map((added) => added.history ?? {})] },
    };
  };
}

/** Changes the image config as a whole; `rootfs` follows from the layers and is not up to the edit. */
export function editConfig(edit: (config: Omit<ImageConfig, "rootfs">) => Omit<ImageConfig, "rootfs">): Edit {
  return (parts) => ({ ...parts, config: edit(parts.config) });
}

/** Changes the container's part of the config. */
export function editContainer(edit: (container: ContainerConfig) => ContainerConfig): Edit {
  return editConfig((config) => ({ ...config, config: edit(config.config ?? {}) }));
}

/** Sets labels; a value of undefined removes one. */
export function setLabels(labels: Readonly<Record<string, string | undefined>>): Edit {
  return editContainer((container) => {
    const merged = Object.entries({ ...container.Labels, ...labels }).filter(([, value]) => value !== undefined);
    return { ...container, Labels: Object.fromEntries(merged) as Readonly<Record<string, string>> };
  });
}

/** Sets environment variables, each in its place when it was there, else at the end. */
export function setEnv(variables: readonly (readonly [name: string, value: string])[]): Edit {
  return editContainer((container) => {
    const env = variables.reduce(putVariable, container.Env ?? []);
    return { ...container, Env: env };
  });
}

function putVariable(env: readonly string[], [name, value]: readonly [string, string]): readonly string[] {
  const line = `${name}=${value}`;
  const index = env.findIndex((item) => nameOf(item) === name);
  return index === -1 ? [...env, line] : env.with(index, line);
}

/** The value of a variable in a config, which may itself contain `=`; undefined when it is not set. */
export function variable(env: readonly string[] | undefined, name: string): string | undefined {
  const line = env?.find((item) => nameOf(item) === name);
  if (line === undefined) return undefined;
  return line.includes("=") ? line.slice(name.length + 1) : "";
}

function nameOf(line: string): string {
  return line.split("=", 1)[0] ?? "";
}

/** Adds annotations to the manifest. */
export function setAnnotations(annotations: Readonly<Record<string, string>>): Edit {
  return (parts) => ({ ...parts, annotations: { ...parts.annotations, ...annotations } });
}

/** Gives the manifest, the config and the layers the type names of another family. */
export function setFormat(format: ManifestFormat): Edit {
  return (parts) => ({ ...parts, format });
}

/**
 * Gives the config and every line of history one time, so that an image depends on its
 * content only. `keep: false` drops what the lines say, as the reference does below Platform API 0.12.
 */
export function setCreated(created: string, options: { readonly keep: boolean }): Edit {
  return (parts) => {
    const lines = layerHistory(parts.config.history, parts.layers.length);
    const history = lines.map((line) => (options.keep ? { ...line, created } : { created }));
    return { ...parts, config: { ...parts.config, created, history } };
  };
}

/** One line of history per layer: those of empty layers dropped; empty lines when the numbers do not fit. */
export function layerHistory(history: readonly HistoryEntry[] | undefined, layers: number): readonly HistoryEntry[] {
  const lines = (history ?? []).filter((line) => line.empty_layer !== true);
  return lines.length === layers ? lines : Array.from({ length: layers }, () => ({}));
}

/** The DiffID of the topmost layer; undefined for an image without layers. */
export async function topLayer(image: Image): Promise<DiffId | undefined> {
  const { value } = await image.config();
  return value.rootfs.diff_ids.at(-1);
}
