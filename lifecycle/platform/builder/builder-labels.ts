import { encodeModuleLayers, moduleInfoJson, moduleLabels, orderJson } from "../../cnb/module-labels.ts";
import type { GroupElement } from "../../cnb/files/group.ts";
import { version } from "../../distribution/version.ts";
import type { BuildModule } from "../buildpacks/module.ts";
import type { CreateBuilderInputs } from "./create-builder.ts";

/** The labels that platforms read a builder's contents from. Distribution specification, builder. */
export function builderLabels(inputs: CreateBuilderInputs): Readonly<Record<string, string>> {
  const { buildpacks, extensions, order, orderExtensions, system } = inputs;
  const hasSystem = system.pre.length + system.post.length > 0;
  return {
    [moduleLabels.builderMetadata]: JSON.stringify(metadata(inputs)),
    [moduleLabels.order]: JSON.stringify(orderJson(order)),
    [moduleLabels.buildpackLayers]: layersLabel(buildpacks),
    ...(extensions.length === 0 ? {} : { [moduleLabels.extensionLayers]: layersLabel(extensions) }),
    ...(orderExtensions.length === 0
      ? {}
      : { [moduleLabels.orderExtensions]: JSON.stringify(orderJson(withoutMark(orderExtensions))) }),
    ...(hasSystem
      ? { [moduleLabels.system]: JSON.stringify({ pre: systemPart(system.pre), post: systemPart(system.post) }) }
      : {}),
  };
}

/** That extensions are optional goes without saying. */
function withoutMark(order: CreateBuilderInputs["orderExtensions"]): CreateBuilderInputs["orderExtensions"] {
  return order.map(({ group }) => ({ group: group.map(({ id, version: own }) => ({ id, version: own })) }));
}

function systemPart(elements: readonly GroupElement[]): object {
  const [part] = orderJson([{ group: elements }]) as readonly { readonly group: readonly object[] }[];
  return elements.length === 0 ? {} : { buildpacks: part?.group ?? [] };
}

function layersLabel(modules: readonly BuildModule[]): string {
  return encodeModuleLayers(modules.map(({ descriptor, layer }) => ({ descriptor, diffId: layer.diffId })));
}

function metadata({ description, buildpacks, extensions, runImages, lifecycle }: CreateBuilderInputs): object {
  const [first] = runImages;
  const { apis } = lifecycle;
  const oldest = (name: "buildpack" | "platform"): string | undefined =>
    [...apis[name].deprecated, ...apis[name].supported][0];
  return {
    description,
    buildpacks: buildpacks.map(({ descriptor }) => moduleInfoJson(descriptor)),
    extensions: extensions.map(({ descriptor }) => moduleInfoJson(descriptor)),
    stack: { runImage: { image: first?.image ?? "", mirrors: first?.mirrors ?? [] } },
    lifecycle: {
      version: lifecycle.version,
      api: { buildpack: oldest("buildpack"), platform: oldest("platform") },
      apis,
    },
    createdBy: { name: "tspack", version },
    images: runImages,
  };
}
