import { encodeOrder, type OrderGroup } from "../../cnb/files/group.ts";
import { encodeRunToml, encodeStackToml, type RunImageForExport } from "../../cnb/files/run-toml.ts";
import { platformApis } from "../../cnb/api/platform.ts";
import { buildpackApis } from "../../cnb/api/buildpack.ts";
import type { Context } from "../../context.ts";
import { lifecycleEntries, type LifecycleDistribution } from "../../distribution/assemble.ts";
import { version } from "../../distribution/version.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import { type LayerEntry, packEntries } from "../../layers/pack-entries.ts";
import type { Owner } from "../../layers/place.ts";
import type { Image } from "../../oci/image.ts";
import { type Addition, appendLayers, editContainer, mutate, setEnv, setLabels, variable } from "../../oci/mutate.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import { buildpackEntries, type LocalBuildpack } from "./buildpack-layer.ts";

/** What a builder image is made of. */
export interface CreateBuilderInputs {
  readonly description: string;
  readonly buildImage: Image;
  readonly runImages: readonly RunImageForExport[];
  readonly buildpacks: readonly LocalBuildpack[];
  readonly order: readonly OrderGroup[];
  readonly lifecycle: LifecycleDistribution;
  /** Further labels, of whoever makes it. */
  readonly labels?: Readonly<Record<string, string>>;
}

const created = "1980-01-01T00:00:01Z";

/**
 * Makes a builder image: the build image, the lifecycle, a layer for each buildpack, and the
 * order. The same parts give the same digest. Distribution specification, builder. Throws
 * `INVALID_BUILDER` when the order names a buildpack that is not there.
 */
export async function createBuilder(inputs: CreateBuilderInputs, blobs: BlobCache, ctx: Context): Promise<Image> {
  checkOrder(inputs);
  const { value } = await inputs.buildImage.config();
  const user = buildUser(value.config?.Env ?? []);
  const step = ctx.progress.start("Packing the builder", { total: inputs.buildpacks.length + 2, unit: "items" });
  const pack = async (entries: readonly LayerEntry[], what: string): Promise<Addition> => {
    const layer = await packEntries(entries, blobs, { signal: ctx.signal });
    step.advance(1);
    return { layer, history: { created, created_by: `tspack builder: ${what}` } };
  };
  const additions: Addition[] = [];
  additions.push(
    await pack(
      [...lifecycleEntries(inputs.lifecycle, "/cnb/lifecycle"), lifecycleDescriptor(inputs.lifecycle)],
      "lifecycle",
    ),
  );
  for (const buildpack of inputs.buildpacks)
    additions.push(
      await pack(buildpackEntries(buildpack), `buildpack ${buildpack.descriptor.id}@${buildpack.descriptor.version}`),
    );
  additions.push(await pack(configEntries(inputs, user), "order and run images"));
  step.done(`${additions.length} layers`);
  const diffIds = additions.slice(1, -1).map(({ layer }) => layer.diffId);
  return mutate(
    inputs.buildImage,
    appendLayers(additions),
    setEnv([
      ["CNB_LAYERS_DIR", "/layers"],
      ["CNB_APP_DIR", "/workspace"],
    ]),
    editContainer((container) => ({ ...container, WorkingDir: "/layers" })),
    setLabels(builderLabels(inputs, diffIds)),
  );
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

function checkOrder({ order, buildpacks }: CreateBuilderInputs): void {
  const known = new Set(buildpacks.map(({ descriptor }) => `${descriptor.id}@${descriptor.version}`));
  const inner = buildpacks.flatMap(({ descriptor }) =>
    descriptor.order.map((group) => ({ group, where: `order of ${descriptor.id}` })),
  );
  const groups = [...order.map((group, index) => ({ group, where: `order[${index}]` })), ...inner];
  const issues = groups.flatMap(({ group, where }) =>
    group.group
      .filter(({ id, version: wanted }) => !known.has(`${id}@${wanted}`))
      .map(({ id, version: wanted }) => ({
        source: "builder.toml",
        path: where,
        expected: `one of ${[...known].join(", ")}`,
        got: `${id}@${wanted}`,
      })),
  );
  if (issues.length > 0)
    throw new InputError("INVALID_BUILDER", "the order names buildpacks that the builder does not have", issues);
}

function lifecycleDescriptor({ descriptor }: LifecycleDistribution): LayerEntry {
  return { name: "/cnb/lifecycle/lifecycle.toml", type: "file", mode: 0o644, uid: 0, gid: 0, content: descriptor };
}

const root: Owner = { uid: 0, gid: 0 };

function directory(name: string, owner: Owner): LayerEntry {
  return { name, type: "dir", mode: 0o755, ...owner };
}

function textFile(name: string, content: string): LayerEntry {
  return { name, type: "file", mode: 0o644, ...root, content };
}

function configEntries({ order, runImages }: CreateBuilderInputs, user: Owner): readonly LayerEntry[] {
  const [first] = runImages;
  return [
    directory("/cnb", root),
    directory("/cnb/build-config", root),
    directory("/cnb/build-config/env", root),
    textFile("/cnb/order.toml", encodeOrder({ order, orderExtensions: [] })),
    textFile("/cnb/run.toml", encodeRunToml({ images: runImages })),
    ...(first === undefined ? [] : [textFile("/cnb/stack.toml", encodeStackToml(first))]),
    directory("/layers", user),
    directory("/platform", root),
    directory("/platform/env", root),
    directory("/workspace", user),
  ];
}

/** The labels that platforms read a builder's contents from. */
function builderLabels(inputs: CreateBuilderInputs, diffIds: readonly string[]): Readonly<Record<string, string>> {
  const buildpacks = inputs.buildpacks.map(({ descriptor: { id, version: own, homepage, name } }) => ({
    id,
    version: own,
    name,
    homepage,
  }));
  const [first] = inputs.runImages;
  const metadata = {
    description: inputs.description,
    buildpacks,
    stack: { runImage: { image: first?.image ?? "", mirrors: first?.mirrors ?? [] } },
    images: inputs.runImages,
    lifecycle: {
      version,
      api: { buildpack: buildpackApis[0], platform: platformApis[0] },
      apis: {
        buildpack: { deprecated: [], supported: buildpackApis },
        platform: { deprecated: [], supported: platformApis },
      },
    },
    createdBy: { name: "tspack", version },
  };
  return {
    "io.buildpacks.builder.metadata": JSON.stringify(metadata),
    "io.buildpacks.buildpack.order": JSON.stringify(inputs.order),
    "io.buildpacks.buildpack.layers": JSON.stringify(layerInfo(inputs.buildpacks, diffIds)),
    ...inputs.labels,
  };
}

function layerInfo(
  buildpacks: readonly LocalBuildpack[],
  diffIds: readonly string[],
): Readonly<Record<string, Readonly<Record<string, object>>>> {
  const info: Record<string, Record<string, object>> = {};
  for (const [index, { descriptor }] of buildpacks.entries()) {
    const order = descriptor.order.length === 0 ? {} : { order: descriptor.order };
    const entry = {
      api: descriptor.api,
      ...order,
      stacks: descriptor.stacks,
      layerDiffID: diffIds[index],
      homepage: descriptor.homepage,
      name: descriptor.name,
    };
    info[descriptor.id] = { ...info[descriptor.id], [descriptor.version]: entry };
  }
  return info;
}
