import { join } from "node:path";
import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import type { Require } from "../../cnb/files/plan.ts";
import { TspackError } from "../../errors.ts";
import { maybeReference } from "../../oci/reference.ts";
import { targetOf } from "../../phases/analyze/target.ts";
import { readGroup, readPlan, writeAnalyzed } from "../../phases/files.ts";
import { noLayersMetadata } from "../../phases/no-layers-metadata.ts";
import { machinePlatform } from "../../stores/stored-image.ts";
import { bringApplication } from "../build/bring-application.ts";
import { buildVariables, proxyVariables } from "../build/build-variables.ts";
import { sourceVariables } from "../build/build-variables-source.ts";
import { type SourcedRequest, withSource } from "../build/open-source.ts";
import { writePlatformDirectory } from "../build/platform-directory.ts";
import { pulledImages } from "../build/pulled-images.ts";
import type { BuildRequest } from "../build/request.ts";
import { resolveRequest } from "../build/resolve-request.ts";
import { refuseTraps } from "../build/untrusted.ts";
import { hostVolumes, placeVolumes } from "../build/volumes.ts";
import type { Builder } from "../builder/builder.ts";
import { chooseBuilder } from "../builder/choose-builder.ts";
import { builderAdditions } from "../buildpacks/additions.ts";
import { builderContents } from "../buildpacks/contents.ts";
import { requestedChanges } from "../buildpacks/requested-changes.ts";
import { withPatience } from "../inspect/base-state.ts";
import { privateDirectory } from "../places.ts";
import { removeTree } from "../rootfs.ts";
import { chooseRunner } from "../runners/choose-runner.ts";
import type { Runner, RunnerJob } from "../runners/runner.ts";
import { chosenBuilder } from "../settings/apply-settings.ts";
import { sandboxSearch, type Tools } from "../tools.ts";
import { detectHints } from "./hints.ts";
import { type DetectAttempt, readDetectResults } from "./read-results.ts";
import { workDirectory } from "../work-directory.ts";

/** Which application is looked at, and by which buildpacks: the same as of a build. */
export type DetectRequest = Pick<
  BuildRequest,
  | "path"
  | "descriptor"
  | "env"
  | "execEnv"
  | "workspace"
  | "builder"
  | "buildpacks"
  | "preBuildpacks"
  | "postBuildpacks"
  | "extensions"
  | "disableSystemBuildpacks"
  | "debianMirror"
  | "runImage"
  | "pullPolicy"
  | "sandbox"
  | "network"
  | "volumes"
>;

/** A buildpack of the group that would build. */
export interface GroupMember {
  readonly id: string;
  readonly version: string;
  readonly extension: boolean;
}

/** Which group would build an application, and why not the others. */
export interface Detection {
  readonly builder: string;
  readonly passed: boolean;
  /** The group that would build; empty when none would. */
  readonly group: readonly GroupMember[];
  /** What the group's buildpacks want of each other. */
  readonly plan: readonly { readonly providers: readonly string[]; readonly requires: readonly string[] }[];
  /** The groups in the order in which they were tried; the last one is the one that passed, if any. */
  readonly attempts: readonly DetectAttempt[];
  /** What could be done when none passed. */
  readonly hints: readonly string[];
  /** What the detector said, for what is not understood. */
  readonly log: readonly string[];
}

/**
 * Runs the detect phase of a builder over an application in the sandbox, and nothing else. That no
 * group passes is a result. Throws what a build throws before its detect phase, and
 * `BUILDPACK_API_UNSUPPORTED`, `SANDBOX_FAILED`, `CANCELED`.
 */
export async function detectApplication(request: DetectRequest, tools: Tools): Promise<Detection> {
  const { machine, ctx, places } = tools;
  const resolved = resolveRequest({ ...request, names: ["tspack.local/detect"] }, machine, ctx.clock());
  const search = { ...sandboxSearch(machine, request.sandbox), uid: machine.uid };
  const runner = await chooseRunner("sandbox", search, ctx);
  return withSource(resolved, tools, async (sourced) => {
    const { builder: named } = chosenBuilder(sourced.request, undefined, tools.settings);
    const builder = await chooseBuilder(tools, named, request.debianMirror);
    const work = await workDirectory(places.builds, "detect-", ctx.clock());
    try {
      return await detectIn(work, { sourced, builder, runner, tools });
    } finally {
      await removeTree(work);
    }
  });
}

interface Detecting {
  readonly sourced: SourcedRequest;
  readonly builder: Builder;
  readonly runner: Runner;
  readonly tools: Tools;
}

async function detectIn(work: string, detecting: Detecting): Promise<Detection> {
  const { sourced, builder, runner, tools } = detecting;
  const { ctx } = tools;
  const log: string[] = [];
  const job = await detectJob(work, detecting, (line) => void log.push(line));
  await bringApplication(sourced.application, job.app.path, ctx);
  const target = await runTarget(detecting);
  const analyzed = { metadata: noLayersMetadata, runImage: { reference: "", target } };
  writeAnalyzed(join(job.layers.path, "analyzed.toml"), analyzed, ctx.logger);
  const passed = await passes(runner, job, tools);
  await refuseTraps(job.layers.path);
  const attempts = readDetectResults(log, passed);
  const base = { builder: builder.name, passed, attempts, log };
  if (passed) return { ...base, ...readResult(job.layers.path), hints: [] };
  const changed = sourced.request.buildpacks ?? [];
  const ids = changed.length > 0 ? changed : builderContents(builder).buildpacks.map(({ id }) => id);
  const hints = await detectHints(sourced.appDir, sourced.request.path ?? ".", [...new Set(ids)]);
  return { ...base, group: [], plan: [], hints };
}

async function detectJob(
  work: string,
  { sourced, builder, runner, tools }: Detecting,
  output: (line: string) => void,
): Promise<RunnerJob> {
  const { request, workspace, described } = sourced;
  const { machine, network, places } = tools;
  const directories = runner.directories(work);
  for (const path of [directories.app, directories.layers]) await privateDirectory(path);
  const choice = { debianMirror: { option: request.debianMirror, config: tools.settings.debianMirror } };
  const env = {
    ...(await buildVariables(machine.env, places, machine.cwd, choice)),
    ...sourceVariables(sourced.project),
    ...request.env,
  };
  await writePlatformDirectory(directories.platform, { env, certificates: network.certificates });
  const volumes = await hostVolumes(request.volumes ?? [], workspace, tools);
  const changes = await requestedChanges(request, described, builder, tools);
  const proxies = proxyVariables(network.proxy);
  return {
    builder,
    additions: await builderAdditions(changes, join(work, "additions")),
    app: { path: directories.app, name: workspace },
    layers: { path: directories.layers, name: "/layers" },
    platform: directories.platform,
    volumes: await placeVolumes(volumes, directories.platform),
    network: request.network !== "none",
    env: request.execEnv === undefined ? proxies : { ...proxies, CNB_EXEC_ENV: request.execEnv },
    // Only then the detector says how each buildpack fared.
    verbose: true,
    output: (line) => output(line),
  };
}

/** What the application would run on; the machine's own kind when the run image can not be asked. */
async function runTarget({ sourced, builder, tools }: Detecting): Promise<TargetMetadata> {
  const { runImage, pullPolicy } = sourced.request;
  const declared = builder.runImages[0];
  const names = runImage === undefined ? [declared?.image ?? "", ...(declared?.mirrors ?? [])] : [runImage];
  const images = pulledImages(tools, pullPolicy);
  for (const name of names) {
    const ref = maybeReference(name);
    try {
      const image = ref === undefined ? undefined : await withPatience(images.resolve(ref), name);
      if (image !== undefined) return await targetOf(image);
    } catch (error) {
      if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
      tools.ctx.logger.warn(`Targets of buildpacks are compared without the run image ${name}: ${error.message}`);
    }
  }
  const { os, architecture } = machinePlatform();
  return { os, arch: architecture };
}

async function passes(runner: Runner, job: RunnerJob, { ctx }: Tools): Promise<boolean> {
  try {
    await runner.run("detect", job, ctx);
    return true;
  } catch (error) {
    if (error instanceof TspackError && (error.code === "DETECT_FAILED" || error.code === "DETECT_ERROR")) return false;
    throw error;
  }
}

function readResult(layersDir: string): Pick<Detection, "group" | "plan"> {
  const { group, groupExtensions } = readGroup(join(layersDir, "group.toml"));
  const member = (extension: boolean) => (element: { readonly id: string; readonly version: string }) => ({
    id: element.id,
    version: element.version,
    extension,
  });
  const plan = readPlan(join(layersDir, "plan.toml")).entries.map(({ providers, requires }) => ({
    providers: providers.map(({ id, version }) => `${id}@${version}`),
    requires: [...new Set(requires.map(({ name }: Require) => name))],
  }));
  return { group: [...groupExtensions.map(member(true)), ...group.map(member(false))], plan };
}
