import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { type BuildpackPlan, encodeBuildpackPlan } from "../../cnb/files/plan.ts";
import { escapeId } from "../../cnb/ids.ts";
import { TspackError } from "../../errors.ts";
import { outcomeText, runBuildpackProcess } from "../buildpack-process.ts";
import type { GeneratePorts } from "./inputs.ts";

/** How one `bin/generate` is run. */
export interface GenerateCommand {
  readonly descriptor: BuildpackDescriptor;
  readonly plan: BuildpackPlan;
  /** Of this extension alone; made anew, so that nothing of an earlier run counts. */
  readonly outputDir: string;
  readonly appDir: string;
  readonly platformDir: string;
  /** The environment without the paths of this run. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs `bin/generate`, or takes the extension's `generate` directory for its output. Throws
 * `EXTENSION_FAILED` when it does not end well. Image extension specification, generation.
 */
export async function runGenerate(command: GenerateCommand, ports: GeneratePorts): Promise<void> {
  const { descriptor, outputDir } = command;
  rmSync(outputDir, { recursive: true, force: true });
  mkdirSync(outputDir, { recursive: true });
  const executable = join(descriptor.rootDir, "bin", "generate");
  if (existsSync(executable)) return execute(executable, command, ports);
  const prepared = join(descriptor.rootDir, "generate");
  if (existsSync(prepared)) cpSync(prepared, outputDir, { recursive: true, verbatimSymlinks: true });
}

async function execute(executable: string, command: GenerateCommand, { output, ctx }: GeneratePorts): Promise<void> {
  const { descriptor, plan, outputDir, appDir, platformDir, env } = command;
  const directory = mkdtempSync(join(tmpdir(), `${escapeId(descriptor.id)}-`));
  try {
    const planPath = join(directory, "plan.toml");
    writeFileSync(planPath, encodeBuildpackPlan(plan));
    const outcome = await runBuildpackProcess(
      {
        executable,
        args: [outputDir, platformDir, planPath],
        cwd: appDir,
        env: { ...env, CNB_BP_PLAN_PATH: planPath, CNB_OUTPUT_DIR: outputDir, CNB_PLATFORM_DIR: platformDir },
        output,
      },
      ctx.signal,
    );
    if (outcome.kind === "exited" && outcome.exitCode === 0) return;
    throw new TspackError("EXTENSION_FAILED", `failed to build: ${outcomeText(outcome)}`, {
      hint: `bin/generate of ${descriptor.id}@${descriptor.version} failed; what it printed stands above`,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
