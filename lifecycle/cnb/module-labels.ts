import { decode, parseJson, type TableReader } from "../decode.ts";
import { knownBuildpackFeatures } from "./api/buildpack.ts";
import type { BuildpackDescriptor, BuildpackStack, BuildpackTarget } from "./files/buildpack-toml.ts";
import { type GroupElement, type OrderGroup, readOrder } from "./files/group.ts";
import { targetsOfStacks } from "./target.ts";

/** Labels of builders and of packages of buildpacks. Distribution specification. */
export const moduleLabels = {
  builderMetadata: "io.buildpacks.builder.metadata",
  order: "io.buildpacks.buildpack.order",
  orderExtensions: "io.buildpacks.buildpack.order-extensions",
  system: "io.buildpacks.buildpack.system",
  buildpackLayers: "io.buildpacks.buildpack.layers",
  extensionLayers: "io.buildpacks.extension.layers",
  packageMetadata: "io.buildpacks.buildpackage.metadata",
} as const;

/** What a builder or a package tells of one buildpack or extension in it. */
export interface ModuleInfo {
  readonly id: string;
  readonly version: string;
  readonly name?: string | undefined;
  readonly homepage?: string | undefined;
  readonly description?: string | undefined;
}

/** What a label tells of the layer that a buildpack or extension is in. */
export interface ModuleLayer extends ModuleInfo {
  readonly api: string;
  readonly diffId: string;
  readonly order: readonly OrderGroup[];
  readonly stacks: readonly BuildpackStack[];
}

/** The JSON of one buildpack or extension in the metadata of builders and packages; what is empty is left out. */
export function moduleInfoJson(descriptor: BuildpackDescriptor): Readonly<Record<string, unknown>> {
  return {
    id: descriptor.id,
    name: text(descriptor.name),
    version: descriptor.version,
    description: text(descriptor.description),
    homepage: text(descriptor.homepage),
    keywords: list(descriptor.keywords),
    "exec-env": list(descriptor.execEnv),
    // Platforms of the ecosystem read these keys with capitals.
    licenses: list(descriptor.licenses.map(({ type, uri }) => ({ Type: type ?? "", URI: uri ?? "" }))),
    "clear-env": descriptor.clearEnv ? true : undefined,
  };
}

/** A descriptor and the layer that it is in. */
export interface LayeredModule {
  readonly descriptor: BuildpackDescriptor;
  readonly diffId: string;
}

/** The text of `io.buildpacks.buildpack.layers` and of `io.buildpacks.extension.layers`. */
export function encodeModuleLayers(modules: readonly LayeredModule[]): string {
  const layers: Record<string, Record<string, unknown>> = {};
  for (const { descriptor, diffId } of modules.toSorted(byName)) {
    const { id, version, api, stacks, order, homepage, name } = descriptor;
    const entry = {
      api,
      stacks: list(stacks.map((stack) => ({ id: stack.id, mixins: list(stack.mixins) }))),
      targets: list(writtenTargets(descriptor).map(targetJson)),
      order: order.length === 0 ? undefined : orderJson(order),
      layerDiffID: diffId,
      homepage: text(homepage),
      name: text(name),
    };
    layers[id] = { ...layers[id], [version]: entry };
  }
  return JSON.stringify(layers);
}

function byName(a: LayeredModule, b: LayeredModule): number {
  return key(a) < key(b) ? -1 : 1;
}

function key({ descriptor }: LayeredModule): string {
  return `${descriptor.id}\0${descriptor.version}`;
}

/** Those of the file: an old buildpack's stacks stand for targets that others would not read as they are. */
function writtenTargets({ targets, stacks, api }: BuildpackDescriptor): readonly BuildpackTarget[] {
  const derived = targetsOfStacks(stacks, knownBuildpackFeatures(api));
  return stacks.length > 0 && JSON.stringify(targets) === JSON.stringify(derived) ? [] : targets;
}

function targetJson({ os, arch, variant, distros }: BuildpackTarget): object {
  return { os, arch, variant: text(variant), distros: list(distros.map((distro) => ({ ...distro }))) };
}

/** The JSON of an order, as labels have it. */
export function orderJson(order: readonly OrderGroup[]): readonly object[] {
  return order.map(({ group }) => ({ group: group.map(elementJson) }));
}

function elementJson({ id, version, optional }: GroupElement): object {
  return { id, version: text(version), optional: optional === true ? true : undefined };
}

/** Reads a label of layers; an absent one has none. Throws `INVALID_JSON`. */
export function decodeModuleLayers(label: string | undefined, source: string): readonly ModuleLayer[] {
  if (label === undefined) return [];
  return decode(parseJson(label, source), { code: "INVALID_JSON", source }, (root) =>
    root
      .tableEntries()
      .flatMap(([id, versions]) => versions.tableEntries().map(([version, entry]) => readLayer(id, version, entry))),
  );
}

function readLayer(id: string, version: string, entry: TableReader): ModuleLayer {
  return {
    id,
    version,
    name: entry.string("name"),
    homepage: entry.string("homepage"),
    api: entry.string("api") ?? "",
    diffId: entry.requiredString("layerDiffID"),
    order: readOrder(entry, "order"),
    stacks: readStacks(entry),
  };
}

/** Reads `stacks` of a label. */
export function readStacks(reader: TableReader): readonly BuildpackStack[] {
  return reader
    .tables("stacks")
    .map((stack) => ({ id: stack.string("id") ?? "", mixins: stack.strings("mixins") ?? [] }));
}

/** Reads a label that holds an order; an absent one has none. Throws `INVALID_JSON`. */
export function decodeOrderLabel(label: string | undefined, source: string): readonly OrderGroup[] {
  if (label === undefined) return [];
  return decode({ order: parseJson(label, source) }, { code: "INVALID_JSON", source }, (root) =>
    readOrder(root, "order"),
  );
}

/** Which of a package's buildpacks is the one that it is a package of. */
export interface PackageMetadata extends ModuleInfo {
  readonly stacks: readonly BuildpackStack[];
}

/** Reads `io.buildpacks.buildpackage.metadata`. Throws `INVALID_JSON`. */
export function decodePackageMetadata(label: string, source: string): PackageMetadata {
  return decode(parseJson(label, source), { code: "INVALID_JSON", source }, (root) => ({
    ...readModuleInfo(root),
    stacks: readStacks(root),
  }));
}

/** Reads one buildpack of a label. */
export function readModuleInfo(reader: TableReader): ModuleInfo {
  return {
    id: reader.requiredString("id"),
    version: reader.string("version") ?? "",
    name: reader.string("name"),
    homepage: reader.string("homepage"),
    description: reader.string("description"),
  };
}

function text(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function list<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}
