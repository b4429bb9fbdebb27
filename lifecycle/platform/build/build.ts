import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encodeReport, type Report } from "../../cnb/files/report.ts";
import type { Context } from "../../context.ts";
import { versionText } from "../../distribution/version.ts";
import { workLimits } from "../../oci/work-limits.ts";
import type { ExportPlan } from "../../phases/export.ts";
import type { ImageSource } from "../../stores/store.ts";
import { type Builder, builderHere } from "../builder/builder.ts";
import { chooseBuilder } from "../builder/choose-builder.ts";
import { readVolumes } from "../engine/volume-option.ts";
import { engineUse } from "../engine/engine-use.ts";
import { requestedChanges } from "../buildpacks/requested-changes.ts";
import type { OnEvent } from "../events.ts";
import { familiarName } from "../familiar-name.ts";
import type { Machine } from "../machine.ts";
import { chooseRunner } from "../runners/choose-runner.ts";
import { placesFrom } from "../places.ts";
import { guardFromBuildpacks } from "../runners/guard.ts";
import type { Runner } from "../runners/runner.ts";
import { readSettings } from "../settings.ts";
import { boundBlobs } from "../store/bound-blobs.ts";
import { withSettings } from "../settings/apply-settings.ts";
import { type NetworkAccess, openTools, sandboxSearch, type Tools } from "../tools.ts";
import { buildCache } from "./build-cache.ts";
import { type BuildImageInputs, buildImage, type BuiltImage } from "./build-image.ts";
import { buildVariables, proxyVariables } from "./build-variables.ts";
import { sourceVariables } from "./build-variables-source.ts";
import { type EventContext, eventContext } from "./event-context.ts";
import { explainFailure, failedEvent } from "./failure.ts";
import { type Destination, isOneOf, withDestination } from "./destination.ts";
import { type SourcedRequest, withSource } from "./open-source.ts";
import { mavenBinding } from "./maven-binding.ts";
import { pulledImages } from "./pulled-images.ts";
import type { BuildRequest } from "./request.ts";
import { type ResolvedRequest, resolveRequest } from "./resolve-request.ts";
import { type BuildSummary, buildSummary } from "./summary.ts";
import { hostVolumes } from "./volumes.ts";

/** What a build works with. */
export interface BuildPorts {
  readonly machine: Machine;
  /** Opens what is needed to reach registries; called once, for this build. */
  readonly openNetwork: (insecureRegistries: readonly string[], ctx: Context) => NetworkAccess;
  /** Gets every event of this build, in order. */
  readonly onEvent?: OnEvent | undefined;
  /** Ends the build; nothing of it stays behind. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: (() => Date) | undefined;
}

/** What a build did. */
export interface BuildResult extends BuildSummary {
  /** All that export did, or in a dry run would do; unknown when a container of an engine did it. */
  readonly plan?: ExportPlan | undefined;
  /** `report.toml`. Platform specification. */
  readonly report: Report;
}

/**
 * Builds an application image. Several builds may run at a time in one process. Throws what the
 * phases throw, after it has reported the same as event `failed`; `CANCELED` when the signal fires.
 */
export async function build(request: BuildRequest, ports: BuildPorts): Promise<BuildResult> {
  const { onEvent = () => {}, signal = new AbortController().signal, clock = () => new Date() } = ports;
  const ctx = eventContext({ onEvent, signal, clock, verbose: request.verbose === true });
  try {
    const settings = readSettings(placesFrom(ports.machine.env).config);
    const resolved = resolveRequest(withSettings(request, settings), ports.machine, clock());
    const names = resolved.names.map(familiarName);
    ctx.emit({ type: "started", image: resolved.names[0]?.original ?? "", names, version: versionText });
    const network = ports.openNetwork(request.insecureRegistries ?? [], ctx);
    const tools = openTools(ports.machine, network, ctx);
    await tools.leases.begin();
    try {
      const built = await withSource(resolved, tools, (sourced) => buildWith(sourced, tools, ctx));
      await boundBlobs(tools);
      return built;
    } finally {
      await tools.leases.end();
    }
  } catch (thrown) {
    const error = explainFailure(thrown, signal);
    ctx.emit(failedEvent(error));
    throw error;
  }
}

async function buildWith(resolved: SourcedRequest, tools: Tools, ctx: EventContext): Promise<BuildResult> {
  if (engineUse(resolved.request) === "none") return buildHere(resolved, tools, ctx, () => openRunner(resolved, tools));
  const { buildWithEngine } = await import("../engine/build-with-engine.ts");
  return buildWithEngine(resolved, tools, ctx, {
    here: (open) => buildHere(resolved, tools, ctx, open),
    inputs: () => imageInputs(resolved, tools),
  });
}

/** Builds with a runner: whatever needs credentials is done in this process. */
async function buildHere(
  resolved: SourcedRequest,
  tools: Tools,
  ctx: EventContext,
  open: () => Promise<Runner>,
): Promise<BuildResult> {
  const began = ctx.clock().getTime();
  // Before the builder: that may take a minute, and without a runner and a destination it is of no use.
  const runner = await open();
  return withDestination(resolved, tools, (destination) =>
    buildTo(destination, { resolved, tools, ctx, runner, began }),
  );
}

interface Surroundings {
  readonly resolved: SourcedRequest;
  readonly tools: Tools;
  readonly ctx: EventContext;
  readonly runner: Runner;
  /** Milliseconds since 1970. */
  readonly began: number;
}

async function buildTo(destination: Destination, surroundings: Surroundings): Promise<BuildResult> {
  const { resolved, tools, ctx, runner, began } = surroundings;
  const { request, names } = resolved;
  const builder = await openBuilderOf(resolved, tools);
  const changes = await requestedChanges(request, resolved.described, builder, tools);
  const inputs = { ...(await imageInputs(resolved, tools)), builder, changes };
  const { compressionLevel: level, compression, memory } = request;
  const blobs = await tools.blobs({ level, compression, blocks: workLimits(memory).blocks });
  const cache = await buildCache(resolved, tools);
  const { withEngineImages } = await import("../image-places/engine-images.ts");
  // A run image may be in the person's container engine only.
  const built = await withEngineImages(
    tools,
    (each) => {
      const images = imagesFor(resolved, destination, each);
      return buildImage(inputs, {
        ...destination,
        images,
        runner,
        blobs,
        buildsDir: tools.places.builds,
        cache,
        ctx,
      });
    },
    { compress: true },
  );
  await writeReport(request.reportOutputDir, built.report, tools.machine);
  const seconds = (ctx.clock().getTime() - began) / 1000;
  const dryRun = request.dryRun === true;
  const store = dryRun ? "nowhere" : destination.name;
  const output = resolved.output.kind;
  const summary = await buildSummary(built, { names, output, store, runner: runner.name, dryRun, seconds });
  return announce(summary, built, ctx);
}

function announce(summary: BuildSummary, { plan, report: file }: BuiltImage, ctx: EventContext): BuildResult {
  if (summary.dryRun) ctx.emit({ type: "planned", plan });
  for (const layer of summary.layers) ctx.emit({ type: "layer", ...layer });
  ctx.emit({ type: "finished", ...summary });
  return { ...summary, plan, report: file };
}

async function openRunner({ request }: ResolvedRequest, { machine, ctx }: Tools): Promise<Runner> {
  const { runner = "auto", sandbox } = request;
  if (runner === "in-place") guardFromBuildpacks(machine, ctx);
  return chooseRunner(runner, { ...sandboxSearch(machine, sandbox), uid: machine.uid }, ctx);
}

async function openBuilderOf({ request }: ResolvedRequest, tools: Tools): Promise<Builder> {
  const builder =
    request.runner === "in-place"
      ? builderHere(tools.machine.env)
      : await builderFrom(tools, request.builder, request.debianMirror);
  const { uid = builder.user.uid, gid = builder.user.gid } = request;
  return { ...builder, user: { uid, gid } };
}

/** That of our own store, of a registry or, when only it has the builder, of the person's container engine. */
async function builderFrom(tools: Tools, named: string | undefined, mirror: string | undefined): Promise<Builder> {
  if (named === undefined) return chooseBuilder(tools, named, mirror);
  const { withEngineImages } = await import("../image-places/engine-images.ts");
  return withEngineImages(tools, (each) => chooseBuilder(each, named, mirror));
}

/** What does not depend on the builder. */
async function imageInputs(
  resolved: SourcedRequest,
  tools: Tools,
): Promise<Omit<BuildImageInputs, "builder" | "changes">> {
  const { request, names, application, project, workspace, previousImage, sourceDateEpoch } = resolved;
  const { machine, network } = tools;
  return {
    names,
    application,
    project,
    workspace,
    runImage: request.runImage,
    runImageMirrors: tools.settings.runImageMirrors,
    previousImage,
    env: { ...(await variablesFor(request, tools)), ...sourceVariables(project), ...request.env },
    phaseEnv: proxyVariables(network.proxy),
    certificates: network.certificates,
    bindings: await mavenBinding(machine.env, request.volumes ?? []),
    bindingsMounted: readVolumes(request.volumes ?? [], machine.cwd).some(
      ({ target }) => target === "/platform/bindings",
    ),
    volumes: engineUse(request) === "none" ? await hostVolumes(request.volumes ?? [], workspace, tools) : [],
    network: request.network !== "none",
    defaultProcess: request.defaultProcess,
    execEnv: request.execEnv,
    sourceDateEpoch,
    sbomOutputDir: request.sbomOutputDir === undefined ? undefined : resolve(machine.cwd, request.sbomOutputDir),
    verifyLayers: request.verifyLayers === true,
    dryRun: request.dryRun === true,
    layersAtOnce: workLimits(request.memory).layers,
    verbose: request.verbose === true,
  };
}

function variablesFor(
  { debianMirror: option }: SourcedRequest["request"],
  { machine, places, settings }: Tools,
): Promise<Readonly<Record<string, string>>> {
  return buildVariables(machine.env, places, machine.cwd, { debianMirror: { option, config: settings.debianMirror } });
}

/** The image continues the one that is there under its name, and there only; `--previous-image` may be elsewhere. */
function imagesFor(
  { names, request, previousImage }: ResolvedRequest,
  { source }: Destination,
  tools: Tools,
): ImageSource {
  const others = pulledImages(tools, request.pullPolicy);
  return {
    resolve: async (ref, options) => {
      if (isOneOf(ref, names)) return source.resolve(ref, options);
      // An engine's image is found again by its ID, which has no repository.
      if (/^[0-9a-f]{64}$/.test(ref.original)) {
        return (await source.resolve(ref, options)) ?? tools.local.resolve(ref, options);
      }
      const isPrevious = previousImage !== undefined && isOneOf(ref, [previousImage]);
      const there = isPrevious ? await source.resolve(ref, options) : undefined;
      return there ?? others.resolve(ref, options);
    },
  };
}

async function writeReport(directory: string | undefined, report: Report, { cwd }: Machine): Promise<void> {
  if (directory === undefined) return;
  const path = resolve(cwd, directory);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "report.toml"), encodeReport(report));
}
