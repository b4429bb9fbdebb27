import { join } from "node:path";
import { platformApis, platformFeatures } from "../../cnb/api/platform.ts";
import { encodeRunToml, encodeStackToml } from "../../cnb/files/run-toml.ts";
import { InputError } from "../../errors.ts";
import { type ImageRef, parseReference, refName } from "../../oci/reference.ts";
import { selectRunImage } from "../../phases/analyze.ts";
import { registryAuthValue } from "../../stores/keychain-registry-auth.ts";
import { layerVariables } from "../build/build-variables.ts";
import { type ApplicationInputs, bringApplication } from "../build/bring-application.ts";
import type { EventContext } from "../build/event-context.ts";
import { type Bindings, writePlatformDirectory } from "../build/platform-directory.ts";
import type { SourcedRequest } from "../build/open-source.ts";
import type { ResolvedRequest } from "../build/resolve-request.ts";
import { copySboms } from "../build/sbom-output.ts";
import { Stopwatch, type PhaseTime } from "../build/stopwatch.ts";
import { builderAdditions } from "../buildpacks/additions.ts";
import type { BuilderChanges } from "../buildpacks/builder-changes.ts";
import { privateDirectory } from "../places.ts";
import { removeTree } from "../rootfs.ts";
import { withRunImageMirrors } from "../settings/apply-settings.ts";
import type { Tools } from "../tools.ts";
import { bringBuilder, bringPorts } from "./bring-builder.ts";
import { bringImage, bringMadeImage } from "./bring-image.ts";
import { builderFacts, commonPlatformApi, type EngineBuilder } from "./builder-facts.ts";
import { cachePlaces } from "./cache-places.ts";
import { daemonAccess } from "./daemon-access.ts";
import { creatorPhases } from "./creator-phases.ts";
import { isTrustedBuild } from "./creator-trust.ts";
import { engineBuild, type EngineBuildResults } from "./engine-build.ts";
import { lifecycleImage } from "./lifecycle-image.ts";
import type { BuildPlaces, EngineDestination, PhasePlan } from "./phase-containers.ts";
import { type PhaseStory, phaseStory } from "./summary.ts";
import { readVolumes, volumeBind, volumeWarnings } from "./volume-option.ts";
import type { BuildEngine } from "./with-engine.ts";
import { workDirectory } from "../work-directory.ts";

/** What is the same for all ways to build, as `build` has worked it out. */
export interface PhasesInputs {
  readonly application: ApplicationInputs;
  /** Buildpacks that the builder does not have, and another order. */
  readonly changes: BuilderChanges | undefined;
  /** Variables for buildpacks: files of `<platform>/env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the phases themselves: proxies. */
  readonly phaseEnv: Readonly<Record<string, string>>;
  readonly certificates: string | undefined;
  readonly bindings?: Bindings | undefined;
  /** Whether a volume stands for all bindings. */
  readonly bindingsMounted?: boolean | undefined;
  /** `project-metadata.toml`. */
  readonly projectMetadata: string | undefined;
  /** Where the bills of materials are copied to. */
  readonly sbomOutputDir: string | undefined;
}

/** What phases in containers did. */
export interface BuiltInPhases extends EngineBuildResults {
  readonly story: PhaseStory;
  readonly times: readonly PhaseTime[];
}

/** A build in containers whose images are in the engine. */
export interface PreparedPhases {
  readonly builder: EngineBuilder;
  /** Whether one container runs all phases. */
  readonly useCreator: boolean;
  readonly lifecycleImage: string;
  readonly platformApi: string;
  readonly runImage: ImageRef;
}

/** The host of images that tspack made itself: containers find them in no registry. */
const ownHost = "tspack.local";

/**
 * Brings the builder, the lifecycle and, for an image of the engine, the run image to the engine.
 * Undefined when phases in containers could not reach the run image, because only tspack's own
 * store has it. Throws what `bringImage` throws, `INVALID_BUILDER`.
 */
export async function preparePhases(
  resolved: SourcedRequest,
  tools: Tools,
  engine: BuildEngine,
): Promise<PreparedPhases | undefined> {
  const { request, names, output } = resolved;
  const ports = bringPorts(resolved, tools, engine);
  const image = await bringBuilder(resolved, tools, engine);
  const builder = builderFacts(image.name, image);
  const isTrusted = isTrustedBuild(resolved);
  const lifecycle = isTrusted
    ? { id: image.id, apis: builder.platformApis }
    : await trustedLifecycle(resolved, tools, engine);
  const platformApi = commonPlatformApi(builder.name, builder.platformApis, lifecycle.apis);
  const [main] = names;
  if (main === undefined) throw new Error("an image needs a name");
  const runImage = await selectRunImage(
    {
      features: platformFeatures(platformApi),
      given: request.runImage,
      declared: withRunImageMirrors(builder.runImages[0], tools.settings),
      output: main,
    },
    undefined,
  );
  if (output.kind === "registry" && runImage.registry === ownHost) return undefined;
  if (output.kind === "engine") await bringImage(runImage, "the run image", ports);
  // Without a network for buildpacks, the phases that need one have containers of their own.
  const hasExtensions = builder.hasExtensions || (request.extensions ?? []).length > 0;
  const useCreator = isTrusted && request.network !== "none" && !hasExtensions;
  return { builder, useCreator, lifecycleImage: lifecycle.id, platformApi, runImage };
}

/** The lifecycle that sees credentials when the builder may not: a named image, or tspack's own. */
async function trustedLifecycle(
  resolved: ResolvedRequest,
  tools: Tools,
  engine: BuildEngine,
): Promise<{ readonly id: string; readonly apis: readonly string[] }> {
  const { lifecycleImage: named, debianMirror } = resolved.request;
  const ports = bringPorts(resolved, tools, engine);
  if (named === undefined) {
    const { id } = await bringMadeImage(
      await lifecycleImage(resolved.platform, debianMirror, tools),
      "lifecycle",
      ports,
    );
    return { id, apis: platformApis };
  }
  const { id, labels } = await bringImage(parseReference(named, "--lifecycle-image"), "the lifecycle", ports);
  return { id, apis: apisOf(labels["io.buildpacks.lifecycle.apis"], named) };
}

/** The label in which images of a lifecycle say what they speak; without it, all is tried. */
function apisOf(label: string | undefined, name: string): readonly string[] {
  if (label === undefined) return platformApis;
  try {
    const { platform } = JSON.parse(label) as { readonly platform?: { readonly [kind: string]: unknown } };
    const words = [platform?.["deprecated"], platform?.["supported"]].flatMap((list) =>
      Array.isArray(list) ? list : [],
    );
    return words.filter((word): word is string => typeof word === "string");
  } catch (cause) {
    const issue = { source: name, path: "label io.buildpacks.lifecycle.apis", expected: "JSON", got: "another text" };
    throw new InputError("INVALID_BUILDER", `${name} can not be used as a lifecycle`, [issue], { cause });
  }
}

/** Runs the phases in containers and takes their results out. Throws the code of the phase that failed. */
export async function buildPhases(
  prepared: PreparedPhases,
  inputs: PhasesInputs,
  { resolved, tools, engine, ctx }: PhasesSurroundings,
): Promise<BuiltInPhases> {
  const work = await workDirectory(tools.places.builds, "build-", tools.ctx.clock());
  const story = phaseStory();
  const watch = new Stopwatch(ctx);
  const creator = creatorPhases(ctx);
  try {
    const platform = { path: join(work, "platform"), name: "/platform" };
    await writePlatformDirectory(platform, inputs);
    const app = await privateDirectory(join(work, "app"));
    await bringApplication(inputs.application, app, ctx);
    const plan = await phasePlan(prepared, inputs, { resolved, tools, engine, ctx });
    const { builder, useCreator } = prepared;
    const [run] = builder.runImages;
    const output = (line: string, stream: "stdout" | "stderr"): void => {
      story.hear(line);
      if (!useCreator || !creator.announces(line)) ctx.output(line, stream);
    };
    const results = await engineBuild(
      {
        plan,
        useCreator,
        app,
        additions: await builderAdditions(inputs.changes, join(work, "additions")),
        platform,
        descriptions: {
          "run.toml": encodeRunToml({ images: builder.runImages }),
          ...(run === undefined ? {} : { "stack.toml": encodeStackToml(run) }),
        },
        certificates: inputs.certificates,
        projectMetadata: inputs.projectMetadata,
        results: join(work, "results"),
      },
      { session: engine.session, time: (phase, task) => watch.time(phase, task), output, ctx },
    );
    if (inputs.sbomOutputDir !== undefined) await copySboms(join(work, "results"), inputs.sbomOutputDir);
    creator.end();
    return { ...results, story, times: useCreator ? creator.times : watch.times };
  } finally {
    await removeTree(work);
  }
}

/** What everything of a build in containers shares. */
export interface PhasesSurroundings {
  readonly resolved: SourcedRequest;
  readonly tools: Tools;
  readonly engine: BuildEngine;
  readonly ctx: EventContext;
}

async function phasePlan(
  { builder, lifecycleImage: lifecycle, platformApi, runImage }: PreparedPhases,
  { phaseEnv, certificates }: PhasesInputs,
  surroundings: PhasesSurroundings,
): Promise<PhasePlan> {
  const { resolved, tools, ctx } = surroundings;
  const { request, names, previousImage, workspace } = resolved;
  const volumes = readVolumes(request.volumes ?? [], tools.machine.cwd);
  for (const warning of volumeWarnings(volumes, workspace)) ctx.logger.warn(warning);
  const { uid = builder.user.uid, gid = builder.user.gid } = request;
  const { cacheImage, ...places } = await buildPlaces(surroundings);
  return {
    features: platformFeatures(platformApi),
    builderImage: builder.imageId,
    lifecycleImage: lifecycle,
    user: builder.user,
    owner: { uid, gid },
    names,
    runImage: refName(runImage),
    previousImage: previousImage === undefined ? undefined : refName(previousImage),
    cacheImage,
    destination: await destinationOf(runImage, cacheImage, surroundings),
    places,
    appDir: workspace,
    binds: volumes.map(volumeBind),
    env: { ...phaseEnv, ...layerVariables(request) },
    hasCertificates: certificates !== undefined,
    execEnv: request.execEnv,
    defaultProcess: request.defaultProcess,
    sourceDateEpoch: resolved.sourceDateEpoch,
    clearCache: request.clearCache === true,
    verbose: request.verbose === true,
  };
}

async function buildPlaces(
  surroundings: PhasesSurroundings,
): Promise<BuildPlaces & { readonly cacheImage: string | undefined }> {
  const { resolved, engine } = surroundings;
  const { session } = engine;
  const { network } = resolved.request;
  const caches = await cachePlaces(surroundings);
  const own = network === undefined || network === "none" ? await session.network() : network;
  return {
    layersVolume: await session.volume("layers"),
    appVolume: await session.volume("app"),
    ...caches,
    network: network ?? own,
    registryNetwork: own,
  };
}

async function destinationOf(
  runImage: ImageRef,
  cacheImage: string | undefined,
  { resolved, tools, engine }: PhasesSurroundings,
): Promise<EngineDestination> {
  const { request, names, output, previousImage } = resolved;
  if (output.kind === "engine")
    return { kind: "engine", access: daemonAccess(request.dockerHost, tools.machine.env, engine.open) };
  const cache = cacheImage === undefined ? [] : [parseReference(cacheImage)];
  const refs = [...names, runImage, ...(previousImage === undefined ? [] : [previousImage]), ...cache];
  const auth = await registryAuthValue(
    tools.network.keychain,
    refs.map(({ registry }) => registry),
  );
  return { kind: "registry", auth, insecure: request.insecureRegistries ?? [] };
}
