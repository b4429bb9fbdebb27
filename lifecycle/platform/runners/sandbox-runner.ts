import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { TspackError } from "../../errors.ts";
import { homeOf } from "../rootfs-files.ts";
import {
  checkPhaseExit,
  phaseEnvironment,
  phaseOutput,
  phasePrograms,
  type Runner,
  type RunnerJob,
  type UntrustedPhase,
} from "./runner.ts";
import { additionMounts } from "./sandbox/addition-mounts.ts";
import { type Sandbox, runInSandbox } from "./sandbox/sandbox.ts";
import { baseMounts, type SandboxMount, type SandboxSpec } from "./sandbox/spec.ts";

/** The exit code of both ways into a sandbox when it could not be made. */
const sandboxFailed = 125;

/** Runs detect and build in a sandbox over the unpacked builder: no engine, no root. DESIGN §7. */
export function sandboxRunner(sandbox: Sandbox): Runner {
  return {
    name: `sandbox (${sandbox.kind})`,
    directories: (work) => ({
      app: join(work, "app"),
      layers: join(work, "layers"),
      platform: { path: join(work, "platform"), name: "/platform" },
      keep: false,
    }),
    run: async (phase, job, ctx) => {
      const lines = phaseOutput(job);
      const scratch = join(dirname(job.layers.path), "collections");
      const additions = await additionMounts(job.builder.rootfs, job.additions, scratch);
      const { code } = await runInSandbox(sandbox, phaseSpec(phase, job, additions), {
        stdio: ["ignore", "pipe", "pipe"],
        signal: ctx.signal,
        onOutput: (chunk, stream) => lines.push(chunk, stream),
      });
      lines.end();
      if (code === sandboxFailed) throw failedSandbox(sandbox);
      checkPhaseExit(phase, code);
    },
  };
}

function failedSandbox(sandbox: Sandbox): TspackError {
  return new TspackError("SANDBOX_FAILED", `the sandbox could not be made with ${sandbox.kind}`, {
    hint: "the line above says why; --sandbox bubblewrap or --sandbox unshare chooses the other way",
  });
}

function phaseSpec(phase: UntrustedPhase, job: RunnerJob, additions: readonly SandboxMount[]): SandboxSpec {
  const { builder, app, layers, platform, network, volumes } = job;
  const home = homeOf(builder.rootfs, builder.user.uid);
  return {
    root: builder.rootfs,
    uid: builder.user.uid,
    gid: builder.user.gid,
    workdir: app.name,
    mounts: [
      ...baseMounts,
      { kind: "tmpfs", target: home },
      { kind: "rw", source: app.path, target: app.name },
      { kind: "rw", source: layers.path, target: layers.name },
      { kind: "ro", source: platform.path, target: platform.name },
      ...additions,
      ...volumes.map(({ source, target, writable }) => ({ kind: writable ? "rw" : "ro", source, target }) as const),
      ...(network ? networkMounts() : []),
    ],
    network,
    env: phaseEnvironment(job, home),
    command: [phasePrograms[phase], "-app", app.name, "-layers", layers.name, "-platform", platform.name],
  };
}

/** How names are resolved is the machine's, so that the sandbox finds what the machine finds. */
export function networkMounts(): readonly SandboxMount[] {
  const files = ["/etc/resolv.conf", "/etc/hosts"].filter((file) => existsSync(file));
  return files.map((file) => ({ kind: "ro" as const, source: file, target: file }));
}
