import { detect } from "../../phases/detect.ts";
import { readAnalyzed, readOrder, readSystem, writeGroup, writePlan } from "../../phases/files.ts";
import { buildpackInputs } from "./buildpack-inputs.ts";
import { type PhaseRun, refuseArguments, refuseRoot } from "./session.ts";

/** `detector`: which group of buildpacks builds the application. Platform specification, detector. */
export const runDetect: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "arguments");
  refuseRoot(session, "detect");
  const analyzed = features.targets ? readAnalyzed(options.analyzed, ctx.logger) : undefined;
  const order = readOrder(options.order);
  const system = features.systemBuildpacks ? readSystem(options.system, ctx.logger) : undefined;
  const inputs = buildpackInputs(session, analyzed?.runImage?.target);
  const { group, plan } = await detect({ ...inputs, order, system, extensionsDir: options.extensions }, { ctx });
  writeGroup(options.group, group);
  writePlan(options.plan, plan);
};
