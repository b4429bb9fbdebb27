import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { constants } from "node:fs";
import { access, lstat, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../../errors.ts";
import { bubblewrapCommand, type SandboxCommand, type SandboxSpec, unshareCommand } from "./spec.ts";

/** Ways to enter a sandbox, in order of preference. */
export type SandboxKind = "bubblewrap" | "unshare";

/** Makes the command for a spec with one of the ways. */
export interface Sandbox {
  readonly kind: SandboxKind;
  command(spec: SandboxSpec): SandboxCommand;
}

/** What is needed to find out which way works here. */
export interface SandboxSearch {
  /** Directories of programs, from PATH. */
  readonly path: readonly string[];
  /** Our own first process for `unshare`, built by `npm ci`. */
  readonly init: string;
  /** Only this way, when somebody asked for it. */
  readonly only?: SandboxKind | undefined;
}

/**
 * The first way that really works here, found by running `true`-like work in it once.
 * Throws `RUNNER_UNAVAILABLE` with what each way said.
 */
export async function findSandbox(search: SandboxSearch): Promise<Sandbox> {
  const reasons: string[] = [];
  const kinds: readonly SandboxKind[] = search.only === undefined ? ["bubblewrap", "unshare"] : [search.only];
  for (const kind of kinds) {
    const found = await locate(kind, search);
    if (typeof found === "string") {
      reasons.push(`${kind}: ${found}`);
      continue;
    }
    const refusal = await probe(found);
    if (refusal === undefined) return found;
    reasons.push(`${kind}: ${refusal}`);
  }
  throw new TspackError("RUNNER_UNAVAILABLE", `no sandbox works on this machine (${reasons.join("; ")})`, {
    hint: "install bubblewrap, or allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns; a chroot never has them, a container may), or use --runner in-place inside a builder container",
  });
}

async function locate(kind: SandboxKind, search: SandboxSearch): Promise<Sandbox | string> {
  const names = { bubblewrap: "bwrap", unshare: "unshare" } as const;
  const program = await findProgram(names[kind], search.path);
  if (program === undefined) return `${names[kind]} is not installed`;
  if (kind === "bubblewrap") return { kind, command: (spec) => bubblewrapCommand(program, spec) };
  if (!(await isExecutable(search.init))) return `${search.init} is missing; run npm ci with a C compiler installed`;
  return { kind, command: (spec) => unshareCommand(program, search.init, spec) };
}

/** The first executable file of this name in the directories; undefined when there is none. */
export async function findProgram(name: string, path: readonly string[]): Promise<string | undefined> {
  for (const directory of path) {
    if (!directory.startsWith("/")) continue;
    const file = join(directory, name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Runs the sandbox over the machine's own root with a program that is not there: reaching it is success. */
async function probe(sandbox: Sandbox): Promise<string | undefined> {
  const spec: SandboxSpec = {
    root: "/",
    uid: 1000,
    gid: 1000,
    workdir: "/",
    mounts: [{ kind: "proc", target: "/proc" }],
    network: true,
    env: {},
    command: ["/bin/sh", "-c", "exit 42"],
  };
  const { file, args } = sandbox.command(spec);
  const child = spawn(file, args, { env: {}, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const { code } = await exitOf(child);
  return code === 42 ? undefined : (said.trim().split("\n").at(-1) ?? `ended with status ${code}`);
}

/** How a child ended; `code` is 128 + signal when a signal ended it. */
export interface ChildExit {
  readonly code: number;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: 127 }));
    child.once("close", (code, signal) => resolve({ code: code ?? 128 + (signalNumbers[signal ?? ""] ?? 0) }));
  });
}

/** How a sandboxed command's input and output are connected, and when it is stopped. */
export interface RunInSandbox {
  readonly stdio: StdioOptions;
  readonly signal: AbortSignal;
  /** Gets each chunk of standard output and error when `stdio` pipes them. */
  readonly onOutput?: ((chunk: Buffer, stream: "stdout" | "stderr") => void) | undefined;
  /** Gets the number of the sandbox's own process, outside of it. */
  readonly onStart?: ((pid: number) => void) | undefined;
  /** Milliseconds between asking and killing when `signal` fires. */
  readonly graceMs?: number;
}

/** Runs a spec to its end. Nothing of it outlives this call. Throws `CANCELED` when the signal fired. */
export async function runInSandbox(sandbox: Sandbox, spec: SandboxSpec, run: RunInSandbox): Promise<ChildExit> {
  await prepareTargets(spec);
  const { file, args } = sandbox.command(spec);
  // A group of its own, so that a Ctrl-C of the terminal reaches us alone and we decide what it means inside.
  const child = spawn(file, args, { env: spec.env, stdio: run.stdio, detached: true });
  child.stdout?.on("data", (chunk: Buffer) => run.onOutput?.(chunk, "stdout"));
  child.stderr?.on("data", (chunk: Buffer) => run.onOutput?.(chunk, "stderr"));
  if (child.pid !== undefined) run.onStart?.(child.pid);
  const stop = (): void => stopGroup(child, run.graceMs ?? 0);
  run.signal.addEventListener("abort", stop, { once: true });
  if (run.signal.aborted) stop();
  const exit = await exitOf(child);
  run.signal.removeEventListener("abort", stop);
  if (run.signal.aborted) throw new TspackError("CANCELED", "canceled");
  return exit;
}

/** Asks the sandbox to end; its PID namespace takes every process in it along. */
function stopGroup(child: ChildProcess, graceMs: number): void {
  const kill = (name: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended between the look and the signal.
    }
  };
  if (graceMs === 0) return kill("SIGKILL");
  kill("SIGTERM");
  setTimeout(() => kill("SIGKILL"), graceMs).unref();
}

/** Makes the mount points that the root lacks: it is ours, and it is mounted read-only after this. */
async function prepareTargets(spec: SandboxSpec): Promise<void> {
  if (spec.root === "/") return;
  for (const mount of spec.mounts) {
    const target = join(spec.root, mount.target);
    const directory = !("source" in mount) || (await lstat(mount.source)).isDirectory();
    await makeTarget(spec.root, target, directory);
  }
}

async function makeTarget(root: string, target: string, directory: boolean): Promise<void> {
  const parts = target
    .slice(root.length)
    .split("/")
    .filter((part) => part !== "");
  let at = root;
  for (const [index, part] of parts.entries()) {
    at = join(at, part);
    const info = await lstat(at).catch(() => undefined);
    const last = index === parts.length - 1;
    if (info?.isSymbolicLink() === true) {
      throw new TspackError(
        "INVALID_BUILDER",
        `${at.slice(root.length)} in the image is a symbolic link where the sandbox mounts ${target.slice(root.length)}`,
      );
    }
    if (info !== undefined) continue;
    if (directory || !last) await mkdir(at, { mode: 0o755 });
    else await (await open(at, "wx", 0o644)).close();
  }
}
