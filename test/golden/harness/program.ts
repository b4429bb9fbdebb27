import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import type { StepResult } from "./job.ts";

/** The launcher of the recording, so that whole images compare. */
const launcherText = '#!/bin/sh\n# placeholder launcher of the golden data, 1 fixed file\nexec "$@"\n';

/** Puts the placeholder where the exporter expects the launcher. */
export function placeLauncher(): void {
  mkdirSync("/cnb/lifecycle", { recursive: true });
  writeFileSync("/cnb/lifecycle/launcher", launcherText, { mode: 0o755 });
}

/** One call of a phase, or of `lifecycle` itself. The group has the number of the user. */
export interface ProgramCall {
  readonly phase: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
}

/** Runs a phase. The registry lives in this process, so nothing here may block meanwhile. */
export function runProgram(lifecycle: string, { phase, args, env, uid }: ProgramCall): Promise<StepResult> {
  const named = phase === "lifecycle" ? args : [`@${phase}`, ...args];
  const child = spawn(process.execPath, [lifecycle, ...named], { env, cwd: "/", uid, gid: uid, timeout: 60_000 });
  const texts = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (texts.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (texts.stderr += bytes.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ phase, exitCode: code ?? 128, ...texts })));
}
