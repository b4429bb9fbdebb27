import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { decodeGroup } from "../../cnb/files/group.ts";
import { encodeProjectMetadata } from "../../cnb/files/project-metadata.ts";
import type { Report } from "../../cnb/files/report.ts";
import { decodeToml } from "../../decode.ts";
import { TspackError } from "../../errors.ts";
import { parseToml } from "../../toml.ts";
import type { BuildImageInputs } from "../build/build-image.ts";
import type { BuildResult } from "../build/build.ts";
import type { EventContext } from "../build/event-context.ts";
import type { SourcedRequest } from "../build/open-source.ts";
import type { ResolvedRequest } from "../build/resolve-request.ts";
import type { BuildSummary } from "../build/summary.ts";
import { chooseBuilder } from "../builder/choose-builder.ts";
import { requestedChanges } from "../buildpacks/requested-changes.ts";
import { withEngineImages } from "../image-places/engine-images.ts";
import { familiarName } from "../familiar-name.ts";
import { engineRunner } from "../runners/engine-runner.ts";
import type { Runner } from "../runners/runner.ts";
import type { Tools } from "../tools.ts";
import { bringBuilder } from "./bring-builder.ts";
import { buildPhases, type BuiltInPhases, type PhasesSurroundings, preparePhases } from "./build-phases.ts";
import { engineUse } from "./engine-use.ts";
import { builtImage } from "./built-image.ts";
import { layerSummaries, processesIn } from "./summary.ts";
import { readVolumes, volumeBind, volumeWarnings } from "./volume-option.ts";
import { type BuildEngine, withEngine } from "./with-engine.ts";

/** What `build` does in the same way for every runner. */
export interface BuildSteps {
  /** Builds with a runner that is opened when it is needed. */
  readonly here: (open: () => Promise<Runner>) => Promise<BuildResult>;
  readonly inputs: () => Promise<Omit<BuildImageInputs, "builder" | "changes">>;
}

/**
 * Builds with a container engine: all phases in containers, or those that run buildpacks. Nothing
 * of it stays in the engine but the image, the caches, and the images that were fetched for it.
 * Throws what `openEngine`, `preparePhases` and the phases throw.
 */
export async function buildWithEngine(
  resolved: SourcedRequest,
  tools: Tools,
  ctx: EventContext,
  steps: BuildSteps,
): Promise<BuildResult> {
  const { machine } = tools;
  if (engineUse(resolved.request) === "phases") {
    // What it has made in the engine is gone before anything else begins.
    const built = await withEngine(machine, ctx, (engine) => inPhases({ resolved, tools, engine, ctx }, steps));
    if (built !== undefined) return built;
  }
  return withEngine(machine, ctx, (engine) => steps.here(() => openEngineRunner(resolved, tools, engine)));
}

/** Undefined when something can only be done by our own process. */
async function inPhases(surroundings: PhasesSurroundings, steps: BuildSteps): Promise<BuildResult | undefined> {
  const { resolved, tools, engine, ctx } = surroundings;
  const began = ctx.clock().getTime();
  if (isOutOfReach(surroundings)) {
    ctx.logger.info(
      "Containers get no certificates for the engine: only buildpacks run in them, and the image is sent to it from here. --docker-host names its socket there.",
    );
    return undefined;
  }
  const prepared = await preparePhases(resolved, tools, engine);
  if (prepared === undefined) {
    ctx.logger.debug("The run image is in tspack's own store only: what needs it is done outside of containers.");
    return undefined;
  }
  const inputs = {
    ...(await steps.inputs()),
    changes: await changesOf(surroundings),
    projectMetadata: resolved.project === undefined ? undefined : encodeProjectMetadata(resolved.project),
  };
  const built = await unlessExtended(buildPhases(prepared, inputs, surroundings), surroundings);
  return built === undefined ? undefined : finish(built, began, surroundings);
}

/**
 * Whether containers could not write into the engine: we know it by an address of TCP alone, and where its machine has
 * its socket nobody said. For another platform than ours only containers can build, so the usual socket is tried.
 */
function isOutOfReach({ resolved: { request, output, platform }, engine }: PhasesSurroundings): boolean {
  const isNamed = engine.open.socket !== undefined || request.dockerHost !== undefined;
  return output.kind === "engine" && !isNamed && platform === undefined;
}

/** Undefined for a group with image extensions, which nothing applies in containers: our own process does. */
async function unlessExtended<T>(built: Promise<T>, { resolved, ctx }: PhasesSurroundings): Promise<T | undefined> {
  try {
    return await built;
  } catch (error) {
    // Our process exports for this machine's platform only.
    const isOurs = resolved.request.platform === undefined;
    if (!isOurs || !(error instanceof TspackError) || error.code !== "EXTENSIONS_UNSUPPORTED") throw error;
    ctx.logger.info("The group has image extensions: it begins again with only its buildpacks in containers.");
    return undefined;
  }
}

async function changesOf({ resolved: { request, described }, tools }: PhasesSurroundings) {
  const isDescribed = Object.values(described).some(({ requests }) => requests.length > 0);
  const asked = [request.buildpacks, request.preBuildpacks, request.postBuildpacks, request.extensions];
  const isAsked = asked.some((list = []) => list.length > 0) || request.disableSystemBuildpacks === true;
  if (!isAsked && !isDescribed) return undefined;
  return withEngineImages(tools, async (each) => {
    const builder = await chooseBuilder(each, request.builder, request.debianMirror);
    return requestedChanges(request, described, builder, each);
  });
}

async function openEngineRunner(resolved: ResolvedRequest, tools: Tools, engine: BuildEngine): Promise<Runner> {
  const { request, workspace } = resolved;
  const { network } = request;
  const image = await bringBuilder(resolved, tools, engine);
  const volumes = readVolumes(request.volumes ?? [], tools.machine.cwd);
  for (const warning of volumeWarnings(volumes, workspace)) tools.ctx.logger.warn(warning);
  return engineRunner({
    name: `engine (${engine.open.name})`,
    session: engine.session,
    image: image.id,
    network: network === "none" ? undefined : network,
    binds: volumes.map(volumeBind),
  });
}

/** Looks at the image that the containers made, and tells of it. */
async function finish(built: BuiltInPhases, began: number, surroundings: PhasesSurroundings): Promise<BuildResult> {
  const { resolved, tools, engine, ctx } = surroundings;
  const report = readReport(built.report);
  await writeReport(resolved.request.reportOutputDir, built.report, tools.machine.cwd);
  const { image, layers, digest, store } = await builtImage(report, surroundings);
  const { value } = await image.config();
  const { group } = built.group === undefined ? { group: [] } : decodeGroup(parseToml(built.group, "group.toml"));
  const summary: BuildSummary = {
    image: resolved.names[0]?.original ?? "",
    names: resolved.names.map(familiarName),
    digest,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    output: resolved.output.kind,
    store,
    runner: `engine (${engine.open.name})`,
    dryRun: false,
    group: group.map(({ id, version }) => ({ id, version })),
    layers: await layerSummaries(image, layers, built.story),
    processes: processesIn(value.config?.Labels ?? {}, value.config?.Entrypoint ?? []),
    restored: [...built.story.restored].map(([layer, from]) => ({ layer, from })),
    phases: built.times.map(({ phase, seconds }) => ({ phase, seconds })),
    seconds: (ctx.clock().getTime() - began) / 1000,
  };
  for (const layer of summary.layers) ctx.emit({ type: "layer", ...layer });
  ctx.emit({ type: "finished", ...summary });
  return { ...summary, report };
}

/** `report.toml` of whichever lifecycle. Throws `EXPORT_FAILED` without one. */
function readReport(bytes: Uint8Array | undefined): Report {
  if (bytes === undefined) {
    throw new TspackError("EXPORT_FAILED", "the lifecycle in the container wrote no report.toml", {
      hint: "is it a lifecycle? --lifecycle-image names another",
    });
  }
  return decodeToml(parseToml(bytes, "report.toml"), { code: "INVALID_TOML" }, (root) => {
    const image = root.subTable("image");
    const id = image.string("image-id");
    return {
      bom: [],
      image: { tags: image.strings("tags") ?? [], imageId: id, digest: image.string("digest") },
    };
  });
}

async function writeReport(directory: string | undefined, report: Uint8Array | undefined, cwd: string): Promise<void> {
  if (directory === undefined || report === undefined) return;
  const path = resolve(cwd, directory);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "report.toml"), report);
}
