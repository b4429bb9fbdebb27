import type { Analyzed } from "../../cnb/files/analyzed.ts";
import { detect, type DetectResult } from "../../phases/detect.ts";
import { readAnalyzed, readOrder, readSystem, writeAnalyzed, writeGroup, writePlan } from "../../phases/files.ts";
import { generate } from "../../phases/generate.ts";
import { buildpackInputs } from "./buildpack-inputs.ts";
import { declaredRunImages } from "./run-images.ts";
import { guardExperimental, type PhaseRun, refuseArguments, refuseRoot, type Session } from "./session.ts";

const standardOutput = 1;

/**
 * `detector`: which group of buildpacks builds the application, and what its extensions do to the
 * base images. Platform specification, detector.
 */
export const runDetect: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "arguments");
  refuseRoot(session, "detect");
  const analyzed = features.targets ? readAnalyzed(options.analyzed, ctx.logger) : undefined;
  const order = readOrder(options.order);
  const system = features.systemBuildpacks ? readSystem(options.system, ctx.logger) : undefined;
  if (features.experimentalDockerfiles && order.orderExtensions.length > 0) guardExperimental(session, "Dockerfiles");
  const inputs = buildpackInputs(session, analyzed?.runImage?.target);
  const detected = await detect({ ...inputs, order, system, extensionsDir: options.extensions }, { ctx });
  writeGroup(options.group, detected.group);
  writePlan(options.plan, detected.plan);
  if (detected.group.groupExtensions.length > 0) await generateDockerfiles(session, detected, analyzed);
};

async function generateDockerfiles(
  session: Session,
  { group, plan }: DetectResult,
  known: Analyzed | undefined,
): Promise<void> {
  const { options, ctx } = session;
  const analyzed = known ?? readAnalyzed(options.analyzed, ctx.logger);
  const inputs = {
    ...buildpackInputs(session, analyzed.runImage?.target),
    extensionsDir: options.extensions,
    extensions: group.groupExtensions,
    plan,
    analyzed,
    runToml: declaredRunImages(session),
    generatedDir: options.generated,
  };
  const output = { kind: "descriptor", fd: standardOutput } as const;
  const generated = await generate(inputs, { output, ctx });
  writeAnalyzed(options.analyzed, generated.analyzed, ctx.logger);
  writePlan(options.plan, generated.plan);
}
