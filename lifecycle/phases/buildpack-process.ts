import type { ChildProcess, spawn } from "node:child_process";
import { TspackError } from "../errors.ts";
import type { ProcessOutcome } from "./buildpack-process/outcome.ts";
import { startFailure, startReason } from "./buildpack-process/start-failure.ts";

export { outcomeText, type ProcessOutcome } from "./buildpack-process/outcome.ts";

/** Where standard output and standard error of an executable go, both to the same place. */
export type ProcessOutput =
  /** An open file or our own output: written by the child itself, so the order is the child's. */
  | { readonly kind: "descriptor"; readonly fd: number }
  /** Handed over as it comes; the order between the two streams is approximate. */
  | { readonly kind: "stream"; readonly write: (bytes: Uint8Array) => void };

/** What a buildpack's executable is started with, exactly. */
export interface BuildpackCommand {
  /** Absolute path of `bin/detect` or `bin/build`. */
  readonly executable: string;
  readonly args: readonly string[];
  /** The application directory. */
  readonly cwd: string;
  /** The whole environment: nothing of ours is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly output: ProcessOutput;
  /** Milliseconds; without it the process may take as long as it likes. */
  readonly timeout?: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when it has to stop; 2000 when absent. */
  readonly grace?: number | undefined;
  /** File mode creation mask; ours when absent. */
  readonly umask?: number | undefined;
}

/**
 * Runs an executable of a buildpack and waits for it: the only place that starts buildpack code.
 *
 * It leads a process group of its own, and the group is killed when the executable has ended, was
 * aborted or took too long: a compiler server that it left behind would change layers while they
 * are exported. Standard input is empty. Throws `CANCELED` after an abort, once the group is gone.
 */
export async function runBuildpackProcess(command: BuildpackCommand, signal: AbortSignal): Promise<ProcessOutcome> {
  // Loaded here because most phases start nothing.
  const { spawn } = await import("node:child_process");
  if (signal.aborted) throw canceled(command);
  const reason = startFailure(command.executable, command.cwd);
  if (reason !== undefined) return { kind: "not-started", reason };
  let child: ChildProcess;
  try {
    child = start(spawn, command);
  } catch (error) {
    return { kind: "not-started", reason: startReason(command.executable, error) };
  }
  const outcome = await supervise(child, command, signal);
  if (signal.aborted) throw canceled(command);
  return outcome;
}

function canceled({ executable }: BuildpackCommand): TspackError {
  return new TspackError("CANCELED", `${executable} was stopped`);
}

/** The mask is the whole process's, so it is changed only while the child is made, which is synchronous. */
function start(
  spawnChild: typeof spawn,
  { executable, args, cwd, env, output, umask }: BuildpackCommand,
): ChildProcess {
  const out = output.kind === "descriptor" ? output.fd : "pipe";
  const before = umask === undefined ? undefined : process.umask(umask);
  try {
    return spawnChild(executable, args, { cwd, env, stdio: ["ignore", out, out], detached: true });
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

async function supervise(
  child: ChildProcess,
  { output, timeout, grace = 2000, executable }: BuildpackCommand,
  signal: AbortSignal,
): Promise<ProcessOutcome> {
  const timers: NodeJS.Timeout[] = [];
  let timedOut = false;
  const stop = (): void => {
    killGroup(child, "SIGTERM");
    timers.push(setTimeout(() => killGroup(child, "SIGKILL"), grace));
  };
  const expire = (): void => {
    timedOut = true;
    stop();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (timeout !== undefined) timers.push(setTimeout(expire, timeout));
  if (output.kind === "stream") {
    for (const stream of pipesOf(child)) stream.on("data", output.write);
  }
  try {
    const outcome = await ended(child, executable);
    killGroup(child, "SIGKILL");
    await drained(child);
    return timedOut && timeout !== undefined ? { kind: "timed-out", timeout } : outcome;
  } finally {
    signal.removeEventListener("abort", stop);
    for (const timer of timers) clearTimeout(timer);
  }
}

function ended(child: ChildProcess, executable: string): Promise<ProcessOutcome> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ kind: "not-started", reason: startReason(executable, error) }));
    child.once("exit", (exitCode, signal) => {
      resolve(signal === null ? { kind: "exited", exitCode: exitCode ?? 0 } : { kind: "signaled", signal });
    });
  });
}

/** Reads what is left in the pipes. Whoever left the group may hold them open for ever, so a second ends it. */
async function drained(child: ChildProcess): Promise<void> {
  await Promise.all(
    pipesOf(child).map(
      (stream) =>
        new Promise<void>((resolve) => {
          if (stream.closed) return resolve();
          const limit = setTimeout(() => stream.destroy(), 1000);
          stream.once("close", () => {
            clearTimeout(limit);
            resolve();
          });
        }),
    ),
  );
}

function pipesOf(child: ChildProcess): readonly NonNullable<ChildProcess["stdout"]>[] {
  return [child.stdout, child.stderr].filter((stream) => stream !== null);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
