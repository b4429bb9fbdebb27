import { spawn } from "node:child_process";
import { chownSync, existsSync, lchownSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { homeOf } from "../rootfs-files.ts";
import { withAdditions } from "./in-place-additions.ts";
import {
  checkPhaseExit,
  phaseEnvironment,
  phaseOutput,
  phasePrograms,
  type Runner,
  type RunnerJob,
  type UntrustedPhase,
} from "./runner.ts";

/**
 * Runs detect and build in this container, which is the builder's: no sandbox, and no
 * credential in the environment. Started as root, they run as the builder's user. DESIGN §7.
 */
export function inPlaceRunner(ids: { readonly uid: number }): Runner {
  return {
    name: "in-place",
    // Names in the image are paths here, as for the lifecycle itself.
    directories: (work) => {
      // A build's private directory is closed to the builder's user, whom root runs the phases as.
      const path = ids.uid === 0 ? join(tmpdir(), `tspack-platform-${basename(work)}`) : join(work, "platform");
      return { app: "/workspace", layers: "/layers", platform: { path, name: path }, keep: true };
    },
    run: async (phase, job, ctx) => {
      if (ids.uid === 0) giveAway([job.app.path, job.layers.path, job.platform.path], job.builder.user);
      const code = await withAdditions(job.additions, "/", (detectorFlags) =>
        runPhase(phase, job, { asRoot: ids.uid === 0, flags: phase === "detect" ? detectorFlags : [] }, ctx),
      );
      if (ctx.signal.aborted) throw new TspackError("CANCELED", "canceled");
      checkPhaseExit(phase, code);
    },
  };
}

interface PhaseOptions {
  readonly asRoot: boolean;
  /** Further flags of the phase. */
  readonly flags: readonly string[];
}

function runPhase(
  phase: UntrustedPhase,
  job: RunnerJob,
  { asRoot, flags }: PhaseOptions,
  ctx: Context,
): Promise<number> {
  const { builder, app, layers, platform } = job;
  const args = ["-app", app.path, "-layers", layers.path, "-platform", platform.name, ...flags];
  const home = homeOf("/", builder.user.uid);
  const child = spawn(phasePrograms[phase], args, {
    cwd: app.path,
    env: phaseEnvironment(job, existsSync(home) ? home : "/tmp"),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...(asRoot ? builder.user : {}),
  });
  const lines = phaseOutput(job);
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (chunk: Buffer) => lines.push(chunk, stream));
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
  ctx.signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(
        new TspackError("RUNNER_UNAVAILABLE", `${phasePrograms[phase]} can not be started`, {
          cause,
          hint: "--runner in-place works inside a builder container only",
        }),
      ),
    );
    child.once("close", (code) => {
      ctx.signal.removeEventListener("abort", stop);
      lines.end();
      resolve(code ?? 1);
    });
  });
}

function giveAway(paths: readonly string[], owner: { readonly uid: number; readonly gid: number }): void {
  for (const path of paths) {
    chownSync(path, owner.uid, owner.gid);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) giveAway([child], owner);
      else lchownSync(child, owner.uid, owner.gid);
    }
  }
}
