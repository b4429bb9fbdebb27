import { detectionOrder, detectionTree } from "../../platform/builder/detection-order.ts";
import { dependencyLocation, loadModules } from "../../platform/buildpacks/load-modules.ts";
import { allOf, type BuildModule, type ModuleKind, type ModuleSet } from "../../platform/buildpacks/module.ts";
import { commonStacks } from "../../platform/buildpacks/package-image.ts";
import { modulePorts } from "../../platform/buildpacks/requested-changes.ts";
import { withEngineImages } from "../../platform/image-places/engine-images.ts";
import { moduleInfoJson } from "../../cnb/module-labels.ts";
import { printable } from "../console.ts";
import { structuredText } from "../structured.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";
import { modulesText, readDepth } from "./builder-inspect.ts";

/** Options of `tspack buildpack inspect` and `tspack extension inspect`. */
export interface BuildpackInspectOptions extends CommonOptions {
  readonly output: "human-readable" | "json";
  readonly depth?: string;
  readonly registry?: string;
}

/** `tspack buildpack inspect`. */
export function inspectBuildpack(
  host: TspackHost,
  names: readonly string[],
  options: BuildpackInspectOptions,
): Promise<void> {
  return inspect("buildpack", host, names, options);
}

/** `tspack extension inspect`. */
export function inspectExtension(
  host: TspackHost,
  names: readonly string[],
  options: BuildpackInspectOptions,
): Promise<void> {
  return inspect("extension", host, names, options);
}

async function inspect(
  kind: ModuleKind,
  host: TspackHost,
  [name = ""]: readonly string[],
  options: BuildpackInspectOptions,
): Promise<void> {
  const scope = { baseDir: host.cwd, known: [], source: "<name>" };
  const set = await withEngineImages(openToolbox(host, options), async (toolbox) =>
    loadModules(
      dependencyLocation({ uri: name }, scope),
      kind,
      scope,
      await modulePorts(toolbox, { buildpackRegistry: options.registry }),
    ),
  );
  const order = orderOf(set, readDepth(options.depth));
  const infos = allOf(set).map(({ descriptor }) => moduleInfoJson(descriptor));
  const { targets } = set.main.descriptor;
  if (options.output === "json") {
    const stacks = kind === "buildpack" ? { stacks: commonStacks(allOf(set)) } : {};
    const facts = { [`${kind}_name`]: name, metadata: { ...infos[0], ...stacks }, targets, [`${kind}s`]: infos };
    host.stdout(structuredText({ ...facts, detection_order: order }, "json"));
    return;
  }
  const named = allOf(set).map(({ descriptor }) => descriptor);
  const list = targets.map(({ os, arch }) => `  ${os === "" ? "any" : os}/${arch === "" ? "any" : arch}\n`).join("");
  const title = kind === "buildpack" ? "Buildpacks" : "Extensions";
  const text =
    `Inspecting ${kind}: ${name}\n\nTargets:\n${list === "" ? "  (none)\n" : list}\n${title}:\n${modulesText(named)}` +
    (kind === "buildpack" ? `\nDetection Order:\n${order.length === 0 ? "  (none)\n" : detectionTree(order)}` : "");
  host.stdout(printable(text));
}

function orderOf(set: ModuleSet, depth: number | undefined): ReturnType<typeof detectionOrder> {
  const layers = allOf(set).map(({ descriptor, layer }: BuildModule) => ({ ...descriptor, diffId: layer.diffId }));
  const { id, version, order } = set.main.descriptor;
  // A buildpack that is not made of others is its own order.
  return detectionOrder(order.length > 0 ? order : [{ group: [{ id, version }] }], layers, depth);
}
