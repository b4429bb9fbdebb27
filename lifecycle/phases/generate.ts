import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TargetMetadata } from "../cnb/files/analyzed.ts";
import { elementName, type GroupElement } from "../cnb/files/group.ts";
import type { Plan } from "../cnb/files/plan.ts";
import { escapeId } from "../cnb/ids.ts";
import { planFor, withoutMet } from "../cnb/plan.ts";
import { environmentFor, knownTarget, permittedVariables } from "./buildpack-environment.ts";
import { type BuildpackStore, buildpackStore, featuresOf } from "./buildpack-store.ts";
import type { GenerateInputs, GeneratePorts, GenerateResult } from "./generate/inputs.ts";
import { copyDockerfile, type GeneratedDockerfile, ignoreDockerfile, readOutputs } from "./generate/outputs.ts";
import { runGenerate } from "./generate/run-generate.ts";
import { runImageSwitch, switchRunImage } from "./generate/switch-run-image.ts";
import { phaseError } from "./reason.ts";

export type { GenerateInputs, GeneratePorts, GenerateResult } from "./generate/inputs.ts";

/**
 * Runs `bin/generate` of every extension of the group and checks the Dockerfiles, which lie in
 * `<generated>` afterwards. Image extension specification, generation. Throws `EXTENSION_FAILED`
 * when an extension fails, `GENERATE_FAILED` for everything else that is wrong,
 * `BUILDPACK_API_UNSUPPORTED`, `CANCELED`.
 */
export async function generate(inputs: GenerateInputs, ports: GeneratePorts): Promise<GenerateResult> {
  try {
    if (inputs.features.generatedById) return await generateInto(inputs.generatedDir, inputs, ports);
    const temporary = mkdtempSync(join(tmpdir(), "cnb-extensions-generated."));
    try {
      return await generateInto(temporary, inputs, ports);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  } catch (error) {
    throw phaseError(error, "GENERATE_FAILED", "build", ["EXTENSION_FAILED", "BUILDPACK_API_UNSUPPORTED"]);
  }
}

async function generateInto(outputRoot: string, inputs: GenerateInputs, ports: GeneratePorts): Promise<GenerateResult> {
  const { logger } = ports.ctx;
  const store = buildpackStore(inputs.buildpacksDir, inputs.extensionsDir);
  const target = knownTarget(inputs, logger);
  const dockerfiles: GeneratedDockerfile[] = [];
  let { plan } = inputs;
  for (const extension of inputs.extensions) {
    const generated = await generateOne(extension, plan, { outputRoot, inputs, ports, store, target });
    dockerfiles.push(...generated.dockerfiles);
    plan = generated.plan;
  }
  logger.debug("Checking run image");
  const change = runImageSwitch(dockerfiles);
  const analyzed = switchRunImage(inputs.analyzed, change, inputs, logger);
  for (const dockerfile of dockerfiles) {
    const isVoid = change.void.includes(dockerfile);
    if (!inputs.features.generatedById) copyDockerfile(dockerfile, isVoid, inputs.generatedDir, logger);
    else if (isVoid) ignoreDockerfile(dockerfile);
  }
  return { analyzed, plan };
}

/** What stays the same for all extensions of a group. */
interface Surroundings {
  readonly outputRoot: string;
  readonly inputs: GenerateInputs;
  readonly ports: GeneratePorts;
  readonly store: BuildpackStore;
  readonly target: TargetMetadata;
}

async function generateOne(
  extension: GroupElement,
  plan: Plan,
  { outputRoot, inputs, ports, store, target }: Surroundings,
): Promise<{ readonly dockerfiles: readonly GeneratedDockerfile[]; readonly plan: Plan }> {
  const { logger } = ports.ctx;
  logger.debug(`Running generate for extension ${elementName(extension)}`);
  const descriptor = store.lookup({ ...extension, extension: true });
  const features = featuresOf(descriptor);
  const own = planFor(plan, { id: extension.id, extension: true });
  const outputDir = join(outputRoot, escapeId(extension.id));
  const env = environmentFor({ descriptor, features, target, variables: permittedVariables(inputs.env) }, inputs);
  const { app, platformDir } = inputs;
  await runGenerate({ descriptor, plan: own, outputDir, appDir: app.path, platformDir, env }, ports);
  const dockerfiles = readOutputs(extension.id, outputDir, logger);
  logger.debug(`Finished running generate for extension ${elementName(extension)}`);
  // An extension has no way to leave a requirement unmet.
  return {
    dockerfiles,
    plan: withoutMet(
      plan,
      own.entries.map(({ name }) => name),
    ),
  };
}
