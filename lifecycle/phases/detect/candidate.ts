import { availableParallelism } from "node:os";
import type { TargetMetadata } from "../../cnb/files/analyzed.ts";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { elementName, type GroupElement } from "../../cnb/files/group.ts";
import { buildpackTargetJson, matchesTarget, targetMismatchText } from "../../cnb/target.ts";
import type { Context } from "../../context.ts";
import {
  type EnvironmentFiles,
  environmentFiles,
  environmentFor,
  knownTarget,
  permittedVariables,
} from "../buildpack-environment.ts";
import { type BuildpackStore, featuresOf } from "../buildpack-store.ts";
import { inParallel } from "../in-parallel.ts";
import type { DetectInputs } from "./inputs.ts";
import type { Detected } from "./report.ts";
import { type DetectRun, runDetect } from "./run-detect.ts";

/** Runs `bin/detect` of a candidate group's elements and says how each went, in the order of the group. */
export type CandidateRunner = (candidate: readonly GroupElement[]) => Promise<readonly Detected[]>;

/**
 * Runs the elements of a group side by side. One that occurs in several groups is run once: what it
 * says depends on the application and not on its group.
 */
export function candidateRunner(inputs: DetectInputs, store: BuildpackStore, ctx: Context): CandidateRunner {
  const runs = new Map<string, Promise<DetectRun>>();
  const files = environmentFiles(inputs);
  let known: TargetMetadata | undefined;
  const run = (element: GroupElement, descriptor: BuildpackDescriptor): Promise<DetectRun> => {
    const target = (known ??= knownTarget(inputs, ctx.logger));
    const problem = targetProblem(element, descriptor, target, inputs, ctx);
    if (problem !== undefined) return Promise.resolve(refused(problem));
    const key = `${descriptor.kind} ${elementName(element)}`;
    const started = runs.get(key) ?? start(descriptor, target, inputs, files, ctx);
    runs.set(key, started);
    return started;
  };
  return (candidate) => {
    const elements = candidate.map((element) => ({ element, descriptor: store.lookup(element) }));
    return inParallel(elements, Math.max(4, availableParallelism()), async ({ element, descriptor }) => {
      const { api, homepage } = descriptor;
      const described = { ...element, api, ...(homepage === undefined ? {} : { homepage }) };
      return { element: described, run: await run(element, descriptor) };
    });
  };
}

function start(
  descriptor: BuildpackDescriptor,
  target: TargetMetadata,
  inputs: DetectInputs,
  files: EnvironmentFiles,
  ctx: Context,
): Promise<DetectRun> {
  const features = featuresOf(descriptor);
  const env = environmentFor(
    { descriptor, features, target, variables: permittedVariables(inputs.env) },
    inputs,
    files,
  );
  const { pathVariables } = features;
  const { app, platformDir } = inputs;
  return runDetect({ descriptor, appDir: app.path, platformDir, env, pathVariables }, ctx.signal);
}

function refused(reason: string): DetectRun {
  return { kind: "error", output: "", exitCode: undefined, reason };
}

/** Why a buildpack is not for the run image. An optional one is asked all the same, as the reference does it. */
function targetProblem(
  element: GroupElement,
  { targets }: BuildpackDescriptor,
  image: TargetMetadata,
  { features }: DetectInputs,
  { logger }: Context,
): string | undefined {
  if (!features.targets || targets.length === 0) return undefined;
  const matches = targets.some((target) => {
    logger.debug(`Checking for match against descriptor: ${buildpackTargetJson(target)}`);
    return matchesTarget(image, target);
  });
  return matches || element.optional === true ? undefined : targetMismatchText(image, targets);
}
