import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../cnb/env.ts";
import type { TargetMetadata } from "../cnb/files/analyzed.ts";
import { bomJson } from "../cnb/files/bom.ts";
import { elementName, type GroupElement, plainExtension } from "../cnb/files/group.ts";
import { type BuildMetadata, encodeBuildMetadata } from "../cnb/files/metadata-toml.ts";
import type { Plan } from "../cnb/files/plan.ts";
import { goJson } from "../cnb/go-json.ts";
import { escapeId } from "../cnb/ids.ts";
import { mergeProcesses } from "../cnb/launch.ts";
import { planFor, withoutMet } from "../cnb/plan.ts";
import type { BuildInputs, BuildPorts } from "./build/inputs.ts";
import { processLayers } from "./build/layer-files.ts";
import { type BuildpackOutputs, readOutputs } from "./build/outputs.ts";
import { runBuild } from "./build/run-build.ts";
import { copySboms } from "./build/sbom-files.ts";
import { environmentFor, knownTarget, permittedVariables, withBuildLayer } from "./buildpack-environment.ts";
import { type BuildpackStore, buildpackStore, checkGroupApis, featuresOf } from "./buildpack-store.ts";
import { writeTextFile } from "./files.ts";
import { phaseError } from "./reason.ts";

export type { BuildInputs, BuildPorts } from "./build/inputs.ts";

/**
 * Runs `bin/build` of every buildpack of the group, each with the layers of those before it, and
 * gathers what they declare for the image, also into `<layers>/config/metadata.toml`, which becomes
 * a layer of the image. Platform specification, builder.
 * Throws `BUILDPACK_FAILED` when a buildpack fails, `BUILD_FAILED` for everything else that is
 * wrong, `BUILDPACK_API_UNSUPPORTED`, `CANCELED`.
 */
export async function build(inputs: BuildInputs, ports: BuildPorts): Promise<BuildMetadata> {
  checkGroupApis([...inputs.group, ...inputs.groupExtensions]);
  try {
    return await buildGroup(inputs, ports);
  } catch (error) {
    throw phaseError(error, "BUILD_FAILED", "build", ["BUILDPACK_FAILED", "BUILDPACK_API_UNSUPPORTED"]);
  }
}

/** What goes from one buildpack to the next. */
interface Progress {
  readonly variables: Environment;
  readonly plan: Plan;
}

async function buildGroup(inputs: BuildInputs, ports: BuildPorts): Promise<BuildMetadata> {
  rmSync(join(inputs.layers.path, "sbom"), { recursive: true, force: true });
  const store = buildpackStore(inputs.buildpacksDir);
  const target = knownTarget(inputs, ports.ctx.logger);
  const outputs: BuildpackOutputs[] = [];
  let progress: Progress = { variables: permittedVariables(inputs.env), plan: inputs.plan };
  for (const element of inputs.group) {
    const built = await buildOne(element, progress, { inputs, ports, store, target });
    outputs.push(built.outputs);
    progress = built.next;
  }
  writeSboms(inputs, outputs);
  const metadata = metadataOf(inputs, outputs, ports);
  writeTextFile(join(inputs.layers.path, "config", "metadata.toml"), encodeBuildMetadata(metadata, inputs.features));
  return metadata;
}

/** What stays the same for all buildpacks of a group. */
interface Surroundings {
  readonly inputs: BuildInputs;
  readonly ports: BuildPorts;
  readonly store: BuildpackStore;
  readonly target: TargetMetadata;
}

async function buildOne(
  element: GroupElement,
  { variables, plan }: Progress,
  { inputs, ports, store, target }: Surroundings,
): Promise<{ readonly outputs: BuildpackOutputs; readonly next: Progress }> {
  const { logger } = ports.ctx;
  logger.debug(`Running build for buildpack ${elementName(element)}`);
  const descriptor = store.lookup(element);
  const features = featuresOf(descriptor);
  const layersDir = join(inputs.layers.path, escapeId(element.id));
  const own = planFor(plan, { id: element.id });
  const env = environmentFor({ descriptor, features, target, variables }, inputs);
  await runBuild(
    {
      descriptor,
      features,
      plan: own,
      layersDir,
      appDir: inputs.app.path,
      platformDir: inputs.platformDir,
      env: features.pathVariables ? { ...env, CNB_LAYERS_DIR: layersDir } : env,
    },
    ports,
  );
  const layers = processLayers(layersDir);
  const buildLayers = [...layers].filter(([, layer]) => layer.build).map(([name]) => join(layersDir, name));
  const outputs = readOutputs({ descriptor, features, layersDir, layers, plan: own }, logger);
  logger.debug(`Finished running build for buildpack ${elementName(element)}`);
  return {
    outputs,
    next: { variables: buildLayers.reduce(withBuildLayer, variables), plan: withoutMet(plan, outputs.metNames) },
  };
}

function writeSboms({ features, layers }: BuildInputs, outputs: readonly BuildpackOutputs[]): void {
  if (features.sbom)
    copySboms(
      layers.path,
      outputs.flatMap(({ sboms }) => sboms),
    );
  if (!features.legacyBomFiles) return;
  const file = (kind: string): string => join(layers.path, "sbom", kind, "sbom.legacy.json");
  writeTextFile(file("launch"), `${goJson(bomJson(outputs.flatMap(({ launchBom }) => launchBom)))}\n`);
  writeTextFile(file("build"), `${goJson(bomJson(outputs.flatMap(({ buildBom }) => buildBom)))}\n`);
}

function metadataOf(inputs: BuildInputs, outputs: readonly BuildpackOutputs[], { ctx }: BuildPorts): BuildMetadata {
  const merged = mergeProcesses(outputs);
  for (const warning of merged.warnings) ctx.logger.warn(warning);
  return {
    buildpacks: inputs.group,
    extensions: inputs.groupExtensions.map(plainExtension),
    processes: merged.processes,
    slices: outputs.flatMap(({ slices }) => slices),
    labels: outputs.flatMap(({ labels }) => labels),
    buildpackDefaultProcessType: merged.defaultType,
    bom: inputs.features.reportBom ? outputs.flatMap(({ launchBom }) => launchBom) : [],
  };
}
