import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, type TomlOutput, writeToml } from "../../toml.ts";
import { nonEmpty, someTables } from "./group.ts";
import {
  type BuildpackLayersMetadata,
  type LayersMetadata,
  type LayerSha,
  type MetadataKeys,
  readLayersMetadata,
  type RunImageForRebase,
} from "./lifecycle-metadata.ts";

/** The distribution of an image, from its labels or `/etc/os-release`. */
export interface OsDistro {
  readonly name: string;
  readonly version: string;
}

/** What an image runs on. `[run-image.target]`, Platform specification. */
export interface TargetMetadata {
  readonly id?: string | undefined;
  readonly os: string;
  readonly arch: string;
  readonly archVariant?: string | undefined;
  readonly distro?: OsDistro | undefined;
}

/** `[run-image]` of `analyzed.toml`. */
export interface AnalyzedRunImage {
  /** With digest when it came from a registry. */
  readonly reference: string;
  readonly image?: string | undefined;
  readonly extend?: boolean | undefined;
  readonly target?: TargetMetadata | undefined;
}

/** `analyzed.toml`. Platform specification. */
export interface Analyzed {
  readonly previousImage?: { readonly reference: string } | undefined;
  readonly buildImage?: { readonly reference: string } | undefined;
  readonly metadata: LayersMetadata;
  readonly runImage?: AnalyzedRunImage | undefined;
}

const toml: MetadataKeys = { data: "metadata", runImage: "run-image", topLayer: "top-layer" };

/** Reads `analyzed.toml`. Throws `INVALID_TOML` with the fields. */
export function decodeAnalyzed(document: TomlDocument): Analyzed {
  return decodeToml(document, { code: "INVALID_TOML" }, (root) => {
    const previousImage = readReference(root.optionalTable("image"));
    const buildImage = readReference(root.optionalTable("build-image"));
    const runImage = root.optionalTable("run-image");
    return {
      ...(previousImage === undefined ? {} : { previousImage }),
      ...(buildImage === undefined ? {} : { buildImage }),
      metadata: readLayersMetadata(root.subTable("metadata"), toml),
      ...(runImage === undefined ? {} : { runImage: readRunImage(runImage) }),
    };
  });
}

function readReference(reader: TableReader | undefined): { readonly reference: string } | undefined {
  return reader && { reference: reader.string("reference") ?? "" };
}

function readRunImage(reader: TableReader): AnalyzedRunImage {
  const image = reader.string("image");
  const target = reader.optionalTable("target");
  return {
    reference: reader.string("reference") ?? "",
    ...(image === undefined ? {} : { image }),
    ...(reader.boolean("extend") === true ? { extend: true } : {}),
    ...(target === undefined ? {} : { target: readTarget(target) }),
  };
}

function readTarget(reader: TableReader): TargetMetadata {
  const id = reader.string("id");
  const archVariant = reader.string("arch-variant");
  const distro = reader.optionalTable("distro");
  return {
    ...(id === undefined ? {} : { id }),
    os: reader.string("os") ?? "",
    arch: reader.string("arch") ?? "",
    ...(archVariant === undefined ? {} : { archVariant }),
    ...(distro === undefined
      ? {}
      : { distro: { name: distro.string("name") ?? "", version: distro.string("version") ?? "" } }),
  };
}

/** Writes `analyzed.toml`. */
export function encodeAnalyzed({ previousImage, buildImage, metadata, runImage }: Analyzed): string {
  return writeToml(
    fields({
      image: previousImage && fields({ reference: previousImage.reference }),
      "build-image": buildImage && fields({ reference: buildImage.reference }),
      metadata: metadataFields(metadata),
      "run-image": runImage && runImageFields(runImage),
    }),
  );
}

function runImageFields({ reference, image, extend, target }: AnalyzedRunImage): TomlOutput {
  return fields({
    reference,
    image: nonEmpty(image),
    extend: extend === true ? true : undefined,
    target: target && targetFields(target),
  });
}

function targetFields({ id, os, arch, archVariant, distro }: TargetMetadata): TomlOutput {
  return fields({
    id: nonEmpty(id),
    os,
    arch,
    "arch-variant": nonEmpty(archVariant),
    distro: distro && fields({ name: distro.name, version: distro.version }),
  });
}

function metadataFields(metadata: LayersMetadata): TomlOutput {
  const { app, sbom, buildpacks, config, launcher, processTypes, runImage, stack } = metadata;
  return fields({
    app: someTables(app.map(shaFields)),
    sbom: sbom && shaFields(sbom),
    buildpacks: someTables(buildpacks.map(buildpackFields)),
    config: shaFields(config),
    launcher: shaFields(launcher),
    "process-types": shaFields(processTypes),
    "run-image": fields({ "top-layer": runImage.topLayer, reference: runImage.reference, ...names(runImage) }),
    stack: stack && fields({ "run-image": fields(names(stack.runImage)) }),
  });
}

function shaFields({ sha }: LayerSha): TomlOutput {
  return fields({ sha });
}

function names({ image, mirrors }: Pick<RunImageForRebase, "image" | "mirrors">) {
  return { image: nonEmpty(image), mirrors: someTables(mirrors ?? []) };
}

function buildpackFields({ key, version, layers, store }: BuildpackLayersMetadata): TomlOutput {
  const layerFields = Object.entries(layers).map(([name, { sha, data, build, launch, cache }]) => {
    return [name, fields({ sha, metadata: data, build, launch, cache })] as const;
  });
  return fields({
    key,
    version,
    // A map: sorted by the writer.
    layers: Object.fromEntries(layerFields),
    store: store && fields({ metadata: store.metadata }),
  });
}
