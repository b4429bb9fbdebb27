import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { removeTree, unpackRootfs } from "../rootfs.ts";
import type { RunnerVolume } from "../runners/runner.ts";
import { runInSandbox, type Sandbox } from "../runners/sandbox/sandbox.ts";
import type { SandboxSpec } from "../runners/sandbox/spec.ts";
import { forwardSignals, type SignalSource } from "./forward-signals.ts";
import type { PublishedPort } from "./published-port.ts";
import { publishPorts } from "./publish-ports.ts";
import { runSpec } from "./run-spec.ts";
import { watchPorts } from "./watch-ports.ts";
import { workDirectory } from "../work-directory.ts";

/** How an image is started. */
export interface RunImageInputs {
  readonly name: string;
  readonly image: Image;
  /** Instead of the image's entrypoint; a bare word is a process type or a program. */
  readonly entrypoint: string | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string | undefined;
  /** `USER[:GROUP]` instead of the image's. */
  readonly user: string | undefined;
  readonly network: boolean;
  readonly ports: readonly PublishedPort[];
  readonly volumes: readonly RunnerVolume[];
  /** Whether the process gets our standard input; otherwise it is empty. */
  readonly interactive: boolean;
  /** Whether we are on a terminal: what it sends goes to the whole group of the process, as in any terminal. */
  readonly terminal: boolean;
}

/** What running works with. */
export interface RunImagePorts {
  readonly sandbox: Sandbox;
  readonly rootfsDir: string;
  /** Private directories of what runs. */
  readonly runsDir: string;
  /** Signals for the process; without them it ends when `ctx.signal` fires. */
  readonly signals: SignalSource | undefined;
  readonly ctx: Context;
}

/** How long an application may take until it listens, in milliseconds, before somebody is told. */
const patienceMs = 10_000;

/** The status of a process that was killed, as shells say it. */
const killed = 137;

/**
 * Runs an image in the sandbox until it ends; returns its exit status, 128 + signal when one ended
 * it, 126 or 127 when its program can not be started or is not there. The image is read-only, except
 * for copies of its working directory and home that live as long as the process, and for volumes.
 * Throws `SANDBOX_FAILED`, `CANCELED` before it was started, `INVALID_ARGUMENTS` of ports.
 */
export async function runImage(inputs: RunImageInputs, ports: RunImagePorts): Promise<number> {
  const { ctx } = ports;
  const rootfs = await unpackRootfs(inputs.image, ports.rootfsDir, inputs.name, ctx);
  const work = await workDirectory(ports.runsDir, "run-", ctx.clock());
  try {
    const ready = await runSpec(inputs, rootfs, work);
    if ("status" in ready) {
      ctx.logger.error(`${inputs.name} can not be started: ${ready.reason}`);
      return ready.status;
    }
    const published = await publishPorts(inputs.ports);
    for (const line of published.lines) ctx.logger.info(`Port ${line}`);
    const wanted = inputs.ports.map(({ container }) => container);
    const stopWatching = watchPorts(wanted, patienceMs, ctx.logger);
    try {
      return await runToItsEnd(ready.spec, work, inputs, ports);
    } finally {
      stopWatching();
      published.close();
    }
  } finally {
    await removeTree(work);
  }
}

async function runToItsEnd(
  spec: SandboxSpec,
  work: string,
  inputs: RunImageInputs,
  { ctx, sandbox, signals }: RunImagePorts,
): Promise<number> {
  if (ctx.signal.aborted) throw new TspackError("CANCELED", "canceled");
  const force = new AbortController();
  const forwarding = signals && forwardSignals(signals, inputs.terminal ? "group" : "process", () => force.abort());
  const reported = await reportOf(sandbox, work);
  try {
    const { code } = await runInSandbox(reported.sandbox, spec, {
      stdio: [inputs.interactive ? "inherit" : "ignore", "inherit", "inherit", ...reported.descriptors],
      signal: forwarding === undefined ? ctx.signal : force.signal,
      ...(forwarding === undefined ? { graceMs: 2000 } : { onStart: forwarding.started }),
    });
    if (await reported.wasStarted()) return code;
    throw new TspackError("SANDBOX_FAILED", `${inputs.name} could not be started with ${sandbox.kind}`, {
      hint: "the line above says why; --sandbox bubblewrap or --sandbox unshare chooses the other way",
    });
  } catch (error) {
    if (force.signal.aborted && error instanceof TspackError && error.code === "CANCELED") return killed;
    throw error;
  } finally {
    forwarding?.stop();
    await reported.close();
  }
}

/** A sandbox that tells whether it has started its command. */
interface ReportedSandbox {
  readonly sandbox: Sandbox;
  /** Further descriptors of the sandbox's own process. */
  readonly descriptors: readonly number[];
  readonly wasStarted: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/**
 * bubblewrap ends with 1 when it fails, as many programs do, but it writes a report: only of a command
 * that was started it says how it ended. Our own first process ends with 125, which is right as it is.
 */
async function reportOf(sandbox: Sandbox, work: string): Promise<ReportedSandbox> {
  if (sandbox.kind === "unshare")
    return { sandbox, descriptors: [], wasStarted: () => Promise.resolve(true), close: () => Promise.resolve() };
  const path = join(work, "report");
  const file: FileHandle = await open(path, "wx", 0o600);
  return {
    sandbox: {
      kind: sandbox.kind,
      command: (spec) => {
        const made = sandbox.command(spec);
        return { file: made.file, args: ["--json-status-fd", "3", ...made.args] };
      },
    },
    descriptors: [file.fd],
    wasStarted: async () => (await readFile(path, "utf8")).includes('"exit-code"'),
    close: () => file.close(),
  };
}
