import { encodeOrder, type OrderGroup } from "../../cnb/files/group.ts";
import { encodeRunToml, encodeStackToml, type RunImageForExport } from "../../cnb/files/run-toml.ts";
import { encodeSystem, type SystemToml } from "../../cnb/files/system.ts";
import type { BuildConfigVariable } from "../../cnb/files/builder-toml.ts";
import type { Context } from "../../context.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import { type LayerEntry, packEntries } from "../../layers/pack-entries.ts";
import type { Owner } from "../../layers/place.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { type Addition, appendLayers, editContainer, mutate, setEnv, setLabels, variable } from "../../oci/mutate.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { type BuildModule, moduleName } from "../buildpacks/module.ts";
import { builderLabels } from "./builder-labels.ts";
import type { BuilderLifecycle } from "./builder-lifecycle.ts";
import { checkBuilder } from "./check-builder.ts";

/** What a builder image is made of. */
export interface CreateBuilderInputs {
  readonly description: string;
  readonly buildImage: Image;
  /** Of the build image. */
  readonly platform: Platform;
  readonly runImages: readonly RunImageForExport[];
  readonly buildpacks: readonly BuildModule[];
  readonly extensions: readonly BuildModule[];
  readonly order: readonly OrderGroup[];
  readonly orderExtensions: readonly OrderGroup[];
  readonly system: SystemToml;
  readonly buildEnv: readonly BuildConfigVariable[];
  readonly lifecycle: BuilderLifecycle;
  /** Further labels, of whoever makes it. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

const created = "1980-01-01T00:00:01Z";

/**
 * Makes a builder image: the build image, the lifecycle, the layer of each buildpack and extension,
 * and the order. The same parts give the same digest. Distribution specification, builder. Throws
 * `INVALID_BUILDER` when the order names what is not there, `BUILDPACK_API_UNSUPPORTED`.
 */
export async function createBuilder(given: CreateBuilderInputs, blobs: BlobCache, ctx: Context): Promise<Image> {
  const inputs = checkBuilder(given);
  const { value } = await inputs.buildImage.config();
  const user = buildUser(value.config?.Env ?? []);
  const step = ctx.progress.start("Packing the builder", { total: 2, unit: "items" });
  const pack = async (entries: readonly LayerEntry[], what: string): Promise<Addition> => {
    const layer = await packEntries(entries, blobs, { signal: ctx.signal });
    step.advance(1);
    return { layer, history: historyLine(what) };
  };
  const lifecycle = await pack(inputs.lifecycle.entries, "lifecycle");
  const modules = moduleAdditions([...inputs.buildpacks, ...inputs.extensions]);
  const config = await pack(configEntries(inputs, user), "order and run images");
  const additions = [lifecycle, ...modules, config];
  step.done(`${additions.length} layers`);
  return mutate(
    inputs.buildImage,
    appendLayers(additions),
    setEnv([
      ["CNB_LAYERS_DIR", "/layers"],
      ["CNB_APP_DIR", "/workspace"],
    ]),
    editContainer((container) => ({ ...container, WorkingDir: "/layers" })),
    setLabels({ ...builderLabels(inputs), ...inputs.labels }),
  );
}

function historyLine(what: string): { readonly created: string; readonly created_by: string } {
  return { created, created_by: `tspack builder: ${what}` };
}

/** A flattened package brings several in one layer, which is needed once. */
function moduleAdditions(modules: readonly BuildModule[]): readonly Addition[] {
  const layers = new Map(modules.map(({ layer }) => [layer.diffId, layer]));
  return [...layers.values()].map((layer) => {
    const held = modules.filter((module) => module.layer.diffId === layer.diffId);
    const names = held.map(({ kind, descriptor }) => `${kind} ${moduleName(descriptor)}`);
    return { layer, history: historyLine(names.join(", ")) };
  });
}

function buildUser(env: readonly string[]): Owner {
  const issues: InputIssue[] = [];
  const read = (name: string): number => {
    const text = variable(env, name);
    if (text === undefined || !/^\d{1,10}$/.test(text))
      issues.push({ source: "build image", path: `env ${name}`, expected: "a number", got: text ?? "nothing" });
    return Number(text);
  };
  const owner = { uid: read("CNB_USER_ID"), gid: read("CNB_GROUP_ID") };
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", "the build image does not say who builds", issues, {
      hint: "set CNB_USER_ID and CNB_GROUP_ID in its environment",
    });
  return owner;
}

const root: Owner = { uid: 0, gid: 0 };

function directory(name: string, owner: Owner): LayerEntry {
  return { name, type: "dir", mode: 0o755, ...owner };
}

function textFile(name: string, content: string): LayerEntry {
  return { name, type: "file", mode: 0o644, ...root, content };
}

function configEntries(inputs: CreateBuilderInputs, user: Owner): readonly LayerEntry[] {
  const { order, orderExtensions, runImages, system, buildEnv } = inputs;
  const [first] = runImages;
  const hasSystem = system.pre.length + system.post.length > 0;
  return [
    directory("/cnb", root),
    directory("/cnb/build-config", root),
    directory("/cnb/build-config/env", root),
    ...buildConfigFiles(buildEnv).map(([name, value]) => textFile(`/cnb/build-config/env/${name}`, value)),
    textFile("/cnb/order.toml", encodeOrder({ order, orderExtensions })),
    textFile("/cnb/run.toml", encodeRunToml({ images: runImages })),
    ...(first === undefined ? [] : [textFile("/cnb/stack.toml", encodeStackToml(first))]),
    ...(hasSystem ? [textFile("/cnb/system.toml", encodeSystem(system))] : []),
    directory("/layers", user),
    directory("/platform", root),
    directory("/platform/env", root),
    directory("/workspace", user),
  ];
}

/** `NAME[.SUFFIX]` and `NAME.delim`; of two for one file the last counts. Sorted by name. */
export function buildConfigFiles(
  variables: readonly BuildConfigVariable[],
): readonly (readonly [name: string, content: string])[] {
  const files = new Map<string, string>();
  for (const { name, value, suffix, delim } of variables) {
    files.set(suffix === "" ? name : `${name}.${suffix}`, value);
    if (delim !== undefined) files.set(`${name}.delim`, delim);
  }
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}
