import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildpackFeatures } from "../../cnb/api/buildpack.ts";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { type BuildpackPlan, encodeBuildpackPlan } from "../../cnb/files/plan.ts";
import { escapeId } from "../../cnb/ids.ts";
import { TspackError } from "../../errors.ts";
import { outcomeText, runBuildpackProcess } from "../buildpack-process.ts";
import { makeDirectory } from "../make-directory.ts";
import type { BuildPorts } from "./inputs.ts";

/** How one `bin/build` is run. */
export interface BuildCommand {
  readonly descriptor: BuildpackDescriptor;
  readonly features: BuildpackFeatures;
  readonly plan: BuildpackPlan;
  /** `<layers>/<escaped id>`; made when it is not there. */
  readonly layersDir: string;
  readonly appDir: string;
  readonly platformDir: string;
  /** The environment without `CNB_BP_PLAN_PATH`, which is for this run alone. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `bin/build`. Throws `BUILDPACK_FAILED` when it does not end well. Buildpack specification, build. */
export async function runBuild(command: BuildCommand, { output, ctx }: BuildPorts): Promise<void> {
  const { descriptor, features, layersDir, appDir, platformDir, env } = command;
  makeDirectory(layersDir);
  const directory = mkdtempSync(join(tmpdir(), `${escapeId(descriptor.id)}-`));
  try {
    const planPath = join(directory, "plan.toml");
    writeFileSync(planPath, encodeBuildpackPlan(command.plan));
    const outcome = await runBuildpackProcess(
      {
        executable: join(descriptor.rootDir, "bin", "build"),
        args: [layersDir, platformDir, planPath],
        cwd: appDir,
        env: features.pathVariables ? { ...env, CNB_BP_PLAN_PATH: planPath } : env,
        output,
      },
      ctx.signal,
    );
    if (outcome.kind === "exited" && outcome.exitCode === 0) return;
    throw new TspackError("BUILDPACK_FAILED", `failed to build: ${outcomeText(outcome)}`, {
      hint: `bin/build of ${descriptor.id}@${descriptor.version} failed; what it printed stands above`,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
