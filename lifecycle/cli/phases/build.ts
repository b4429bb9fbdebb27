import { here } from "../../layers/place.ts";
import { build } from "../../phases/build.ts";
import { readAnalyzed, readGroup, readPlan } from "../../phases/files.ts";
import { buildpackInputs } from "./buildpack-inputs.ts";
import { type PhaseRun, refuseArguments, refuseRoot } from "./session.ts";

const standardOutput = 1;

/** `builder`: runs the group's buildpacks. Platform specification, builder. */
export const runBuild: PhaseRun = async (session) => {
  const { features, options, ctx } = session;
  refuseArguments(session, "arguments");
  refuseRoot(session, "build");
  const { group, groupExtensions } = readGroup(options.group);
  const plan = readPlan(options.plan);
  const analyzed = features.targets ? readAnalyzed(options.analyzed, ctx.logger) : undefined;
  const inputs = buildpackInputs(session, analyzed?.runImage?.target);
  const output = { kind: "descriptor", fd: standardOutput } as const;
  await build({ ...inputs, group, groupExtensions, plan, layers: here(options.layers) }, { output, ctx });
};
