import type { BuildpackStack } from "../../cnb/files/buildpack-toml.ts";
import { encodeModuleLayers, moduleInfoJson, moduleLabels } from "../../cnb/module-labels.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { Image } from "../../oci/image.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import { checkOrders } from "./check-modules.ts";
import { type BuildModule, moduleName, type ModuleSet } from "./module.ts";

/** The time of everything in a package, so that equal content gives equal digests. */
const created = "1980-01-01T00:00:01Z";

/** What a package is made of. */
export interface PackageInputs extends ModuleSet {
  readonly platform: Platform;
  /** Further labels, of whoever makes it. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * The image of a package: a layer for each buildpack and labels that say which one is which.
 * Distribution specification, buildpackage. Throws `INVALID_ORDER`, `INVALID_BUILDPACK`.
 */
export function packageImage({ main, dependencies, platform, labels = {} }: PackageInputs): Image {
  const modules = [...dependencies.toSorted(byName), main];
  checkOrders(modules, { buildpacks: [] });
  checkAllUsed(main, modules);
  // A flattened package brings several in one layer, which is needed once.
  const layers = [...new Map(modules.map(({ layer }) => [layer.diffId, layer])).values()];
  const kindLabel = main.kind === "buildpack" ? moduleLabels.buildpackLayers : moduleLabels.extensionLayers;
  const metadata =
    main.kind === "buildpack"
      ? { ...moduleInfoJson(main.descriptor), stacks: commonStacks(modules) }
      : moduleInfoJson(main.descriptor);
  const names = layers.map((layer) =>
    modules
      .filter((one) => one.layer.diffId === layer.diffId)
      .map(nameOf)
      .join(", "),
  );
  return imageFromParts({
    format: "oci",
    layers,
    config: {
      ...platform,
      created,
      history: names.map((name) => ({ created, created_by: `tspack ${main.kind} package: ${name}` })),
      config: {
        Labels: {
          ...labels,
          [moduleLabels.packageMetadata]: JSON.stringify(metadata),
          [kindLabel]: encodeModuleLayers(
            modules.map(({ descriptor, layer }) => ({ descriptor, diffId: layer.diffId })),
          ),
        },
      },
    },
  });
}

function nameOf({ descriptor }: BuildModule): string {
  return moduleName(descriptor);
}

function byName(a: BuildModule, b: BuildModule): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** What nothing in the package leads to would be carried around for nothing, and is mostly a mistake in a version. */
function checkAllUsed(main: BuildModule, modules: readonly BuildModule[]): void {
  const used = new Set(
    modules.flatMap(({ descriptor }) => descriptor.order.flatMap(({ group }) => group.map(moduleName))),
  );
  const issues: readonly InputIssue[] = modules
    .filter((module) => module !== main && !used.has(nameOf(module)))
    .map((module) => ({
      source: nameOf(main),
      path: "order",
      expected: used.size === 0 ? "no dependencies, as it has no order" : `one of ${[...used].join(", ")}`,
      got: nameOf(module),
    }));
  if (issues.length === 0) return;
  throw new InputError("INVALID_BUILDPACK", "a dependency is in no order of the package", issues, {
    hint: "take it out of [[dependencies]], or name it with this version in an order",
  });
}

/**
 * The stacks on which all of a package runs; those that name targets run on every stack, and
 * composites do not run. Throws `INVALID_BUILDPACK` when there is none.
 */
export function commonStacks(modules: readonly BuildModule[]): readonly object[] {
  const all = modules
    .filter(({ descriptor }) => descriptor.kind !== "composite" || descriptor.stacks.length > 0)
    .map(({ descriptor }) => (descriptor.stacks.length === 0 ? [{ id: "*", mixins: [] }] : descriptor.stacks));
  const common = all.reduce<readonly BuildpackStack[]>(merged, [{ id: "*", mixins: [] }]);
  if (common.length === 0) {
    const issues = modules.map((module) => ({
      source: nameOf(module),
      path: "stacks",
      expected: "a stack that the others have, too",
      got: module.descriptor.stacks.map(({ id }) => id).join(", "),
    }));
    throw new InputError("INVALID_BUILDPACK", "there is no stack on which all buildpacks of the package run", issues);
  }
  return common.map(({ id, mixins }) => (mixins.length === 0 ? { id } : { id, mixins }));
}

function merged(some: readonly BuildpackStack[], others: readonly BuildpackStack[]): readonly BuildpackStack[] {
  return some.flatMap((one) =>
    others.flatMap((other) => {
      if (one.id !== other.id && one.id !== "*" && other.id !== "*") return [];
      const id = one.id === "*" ? other.id : one.id;
      return [{ id, mixins: [...new Set([...one.mixins, ...other.mixins])] }];
    }),
  );
}
