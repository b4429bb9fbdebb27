import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readSync, writeFileSync } from "node:fs";
import { rm, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import { type BuildPlan, decodeBuildPlan, emptyBuildPlan } from "../../cnb/files/plan.ts";
import { buildPlanProblem } from "../../cnb/plan.ts";
import { TspackError } from "../../errors.ts";
import { type ProcessOutcome, runBuildpackProcess } from "../buildpack-process.ts";
import { readTomlFile } from "../files.ts";
import { reasonOf } from "../reason.ts";

/** What `bin/detect` of one buildpack said. Buildpack specification, detection. */
export type DetectRun = { readonly output: string } & (
  | { readonly kind: "pass"; readonly plan: BuildPlan }
  | { readonly kind: "fail" }
  /** `exitCode` is undefined when it did not end by itself; `reason` says what else is wrong. */
  | { readonly kind: "error"; readonly exitCode: number | undefined; readonly reason: string | undefined }
);

/** How one `bin/detect` is run. */
export interface DetectCommand {
  readonly descriptor: BuildpackDescriptor;
  readonly appDir: string;
  readonly platformDir: string;
  /** The environment without `CNB_BUILD_PLAN_PATH`, which is for this run alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the plan's path is a variable, too. Buildpack API 0.8. */
  readonly pathVariables: boolean;
}

/** Exit code of `bin/detect` that means: not for this application. */
const declined = 100;

/** More output than this is cut in the middle: it is shown as one text. In bytes. */
const shownOutput = 1024 * 1024;

/** Runs `bin/detect` and reads the build plan that it wrote. Nothing that the buildpack does wrong is thrown. */
export async function runDetect(command: DetectCommand, signal: AbortSignal): Promise<DetectRun> {
  if (isPrepared(command.descriptor)) return readPrepared(command.descriptor);
  const directory = mkdtempSync(join(tmpdir(), "plan."));
  try {
    const planPath = join(directory, "plan.toml");
    writeFileSync(planPath, "", { mode: 0o600 });
    const { outcome, output } = await collect(command, planPath, join(directory, "output"), signal);
    return judge(command.descriptor, outcome, output, planPath);
  } finally {
    await remove(directory);
  }
}

/**
 * Removes the directory of a plan beside the other runs, as a file system that is busy takes milliseconds. It has two
 * files, unless the buildpack wrote more, and all that `rm` asks before costs more than a run's own calls.
 */
async function remove(directory: string): Promise<void> {
  try {
    await Promise.all(["plan.toml", "output"].map((name) => unlink(join(directory, name))));
    await rmdir(directory);
  } catch {
    await rm(directory, { recursive: true, force: true });
  }
}

/** An extension without `bin/detect` brings its plan as a file. Image extension specification, detection. */
function isPrepared({ kind, rootDir }: BuildpackDescriptor): boolean {
  return kind === "extension" && !existsSync(join(rootDir, "bin", "detect"));
}

function readPrepared(descriptor: BuildpackDescriptor): DetectRun {
  const path = join(descriptor.rootDir, "detect", "plan.toml");
  return existsSync(path) ? readPlan(descriptor, "", path) : { kind: "pass", output: "", plan: emptyBuildPlan };
}

/** Both streams go to one file: their order is kept, and a process left behind holds nothing up. */
async function collect(
  { descriptor, appDir, platformDir, env, pathVariables }: DetectCommand,
  planPath: string,
  outputPath: string,
  signal: AbortSignal,
): Promise<{ readonly outcome: ProcessOutcome; readonly output: string }> {
  const fd = openSync(outputPath, "ax+", 0o600);
  try {
    const outcome = await runBuildpackProcess(
      {
        executable: join(descriptor.rootDir, "bin", "detect"),
        args: [platformDir, planPath],
        cwd: appDir,
        env: pathVariables ? { ...env, CNB_BUILD_PLAN_PATH: planPath } : env,
        output: { kind: "descriptor", fd },
      },
      signal,
    );
    return { outcome, output: readOutput(fd) };
  } finally {
    closeSync(fd);
  }
}

function readOutput(fd: number): string {
  const { size } = fstatSync(fd);
  if (size <= shownOutput) return readPart(fd, 0, size);
  const half = shownOutput / 2;
  return `${readPart(fd, 0, half)}\n[${size - shownOutput} bytes left out]\n${readPart(fd, size - half, half)}`;
}

function readPart(fd: number, position: number, length: number): string {
  const bytes = Buffer.alloc(length);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, length, position));
}

function judge(descriptor: BuildpackDescriptor, outcome: ProcessOutcome, output: string, planPath: string): DetectRun {
  switch (outcome.kind) {
    case "exited":
      if (outcome.exitCode === 0) return readPlan(descriptor, output, planPath);
      if (outcome.exitCode === declined) return { kind: "fail", output };
      return { kind: "error", output, exitCode: outcome.exitCode, reason: undefined };
    case "not-started":
      return { kind: "error", output, exitCode: undefined, reason: outcome.reason };
    case "signaled":
    case "timed-out":
      return { kind: "error", output, exitCode: undefined, reason: undefined };
  }
}

function readPlan(descriptor: BuildpackDescriptor, output: string, planPath: string): DetectRun {
  try {
    const plan = decodeBuildPlan(readTomlFile(planPath));
    const extension = descriptor.kind === "extension";
    const reason = buildPlanProblem(plan, { id: descriptor.id, version: descriptor.version, extension });
    if (reason === undefined) return { kind: "pass", output, plan };
    return { kind: "error", output, exitCode: undefined, reason };
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    return { kind: "error", output, exitCode: undefined, reason: reasonOf(error) };
  }
}
