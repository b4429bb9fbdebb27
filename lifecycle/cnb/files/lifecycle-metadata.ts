import { decode, parseJson, type TableReader } from "../../decode.ts";
import type { TomlTable, TomlValue } from "../../toml.ts";
import { freeJson, goJson, JsonMap, type JsonOutput } from "../go-json.ts";

/** A layer as labels name it. `sha` is its DiffID, empty when there is none. */
export interface LayerSha {
  readonly sha: string;
}

/** A buildpack's layer as the label and the cache metadata record it. */
export interface BuildpackLayerMetadata extends LayerSha {
  readonly data: TomlValue | undefined;
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
}

/** All that is recorded of one buildpack's layers. */
export interface BuildpackLayersMetadata {
  readonly key: string;
  readonly version: string;
  /** By layer name, sorted when written. */
  readonly layers: Readonly<Record<string, BuildpackLayerMetadata>>;
  readonly store?: { readonly metadata: TomlTable | undefined } | undefined;
}

/** The run image that an app was exported on; what rebase compares. */
export interface RunImageForRebase {
  readonly topLayer: string;
  readonly reference: string;
  readonly image?: string | undefined;
  readonly mirrors?: readonly string[] | undefined;
}

/** What was called the stack, and still repeats the run image's names. */
export interface StackMetadata {
  readonly runImage: { readonly image: string; readonly mirrors?: readonly string[] | undefined };
}

/** The label `io.buildpacks.lifecycle.metadata` and `[metadata]` of `analyzed.toml`. Platform specification. */
export interface LayersMetadata {
  readonly app: readonly LayerSha[];
  readonly sbom?: LayerSha | undefined;
  readonly buildpacks: readonly BuildpackLayersMetadata[];
  readonly config: LayerSha;
  readonly launcher: LayerSha;
  readonly processTypes: LayerSha;
  readonly runImage: RunImageForRebase;
  readonly stack?: StackMetadata | undefined;
}

/** `io.buildpacks.lifecycle.cache.metadata`, of a cache directory or image. */
export interface CacheMetadata {
  readonly sbom?: LayerSha | undefined;
  readonly buildpacks: readonly BuildpackLayersMetadata[];
}

/** Reads the label; numbers come back as floats. Throws `INVALID_JSON`. */
export function decodeLayersMetadata(label: string, source = "label io.buildpacks.lifecycle.metadata"): LayersMetadata {
  return decode(parseJson(label, source), { code: "INVALID_JSON", source }, (root) => readLayersMetadata(root, json));
}

/** The label's text. */
export function encodeLayersMetadata(metadata: LayersMetadata): string {
  const { app, sbom, buildpacks, config, launcher, processTypes, runImage, stack } = metadata;
  return goJson({
    app: app.map(shaJson),
    sbom: sbom && shaJson(sbom),
    buildpacks: buildpacks.map(buildpackJson),
    config: shaJson(config),
    launcher: shaJson(launcher),
    "process-types": shaJson(processTypes),
    runImage: { topLayer: runImage.topLayer, reference: runImage.reference, ...namesJson(runImage) },
    stack: stack && { runImage: namesJson(stack.runImage) },
  });
}

/** Reads the metadata of a cache. Throws `INVALID_JSON`. */
export function decodeCacheMetadata(bytes: Uint8Array, source: string): CacheMetadata {
  const text = new TextDecoder().decode(bytes);
  return decode(parseJson(text, source), { code: "INVALID_JSON", source }, (root) => {
    const sbom = readSha(root.subTable("sbom"));
    return {
      ...(sbom.sha === "" ? {} : { sbom }),
      buildpacks: root.tables("buildpacks").map((one) => readBuildpack(one, json)),
    };
  });
}

/** The text of a cache's metadata, with a newline at the end: a label has none. */
export function encodeCacheMetadata({ sbom, buildpacks }: CacheMetadata): string {
  return `${goJson({ sbom: shaJson(sbom ?? { sha: "" }), buildpacks: buildpacks.map(buildpackJson) })}\n`;
}

/** How the same structure names its keys in JSON and in TOML. */
export interface MetadataKeys {
  readonly data: string;
  readonly runImage: string;
  readonly topLayer: string;
}

const json: MetadataKeys = { data: "data", runImage: "runImage", topLayer: "topLayer" };

/** Reads the structure from a label or from `[metadata]` of `analyzed.toml`. */
export function readLayersMetadata(root: TableReader, keys: MetadataKeys): LayersMetadata {
  const runImage = root.subTable(keys.runImage);
  const stack = root.optionalTable("stack");
  const sbom = root.optionalTable("sbom");
  return {
    app: readApp(root),
    ...(sbom === undefined ? {} : { sbom: readSha(sbom) }),
    buildpacks: root.tables("buildpacks").map((one) => readBuildpack(one, keys)),
    config: readSha(root.subTable("config")),
    launcher: readSha(root.subTable("launcher")),
    processTypes: readSha(root.subTable("process-types")),
    runImage: {
      topLayer: runImage.string(keys.topLayer) ?? "",
      reference: runImage.string("reference") ?? "",
      ...readNames(runImage),
    },
    ...(stack === undefined ? {} : { stack: { runImage: readStackNames(stack.subTable(keys.runImage)) } }),
  };
}

/** Very old images have one table here instead of an array. */
function readApp(root: TableReader): readonly LayerSha[] {
  return Array.isArray(root.raw("app"))
    ? root.tables("app").map(readSha)
    : [root.optionalTable("app")].flatMap(maybeSha);
}

function maybeSha(reader: TableReader | undefined): readonly LayerSha[] {
  return reader === undefined ? [] : [readSha(reader)];
}

function readSha(reader: TableReader): LayerSha {
  return { sha: reader.string("sha") ?? "" };
}

function readNames(reader: TableReader): Pick<RunImageForRebase, "image" | "mirrors"> {
  const image = reader.string("image");
  const mirrors = reader.strings("mirrors");
  return { ...(image === undefined ? {} : { image }), ...(mirrors === undefined ? {} : { mirrors }) };
}

function readStackNames(reader: TableReader): StackMetadata["runImage"] {
  const { image = "", ...rest } = readNames(reader);
  return { image, ...rest };
}

function readBuildpack(reader: TableReader, keys: MetadataKeys): BuildpackLayersMetadata {
  const store = reader.optionalTable("store");
  return {
    key: reader.string("key") ?? "",
    version: reader.string("version") ?? "",
    layers: readLayers(reader.subTable("layers"), keys),
    ...(store === undefined ? {} : { store: { metadata: store.freeTable("metadata") } }),
  };
}

function readLayers(reader: TableReader, keys: MetadataKeys): BuildpackLayersMetadata["layers"] {
  // No prototype: a layer may be called "__proto__".
  const layers: Record<string, BuildpackLayerMetadata> = Object.create(null) as Record<string, BuildpackLayerMetadata>;
  for (const [name, layer] of reader.tableEntries()) {
    layers[name] = {
      ...readSha(layer),
      data: layer.value(keys.data),
      build: layer.boolean("build") ?? false,
      launch: layer.boolean("launch") ?? false,
      cache: layer.boolean("cache") ?? false,
    };
  }
  return layers;
}

function shaJson({ sha }: LayerSha): JsonOutput {
  return { sha };
}

function namesJson({ image, mirrors }: Pick<RunImageForRebase, "image" | "mirrors">) {
  return {
    image: image === "" ? undefined : image,
    mirrors: mirrors === undefined || mirrors.length === 0 ? undefined : mirrors,
  };
}

function buildpackJson({ key, version, layers, store }: BuildpackLayersMetadata): JsonOutput {
  const entries = Object.entries(layers).map(([name, { sha, data, build, launch, cache }]) => {
    return [name, { sha, data: freeJson(data), build, launch, cache }] as const;
  });
  return { key, version, layers: new JsonMap(entries), store: store && { metadata: freeJson(store.metadata) } };
}
