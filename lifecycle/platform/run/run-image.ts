import { cp, mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import { privateDirectory } from "../places.ts";
import { fileInRootfs, homeOf } from "../rootfs-files.ts";
import { removeTree, unpackRootfs } from "../rootfs.ts";
import { networkMounts } from "../runners/sandbox-runner.ts";
import { runInSandbox, type Sandbox } from "../runners/sandbox/sandbox.ts";
import { baseMounts, type SandboxMount, type SandboxSpec } from "../runners/sandbox/spec.ts";

/** How an image is started. */
export interface RunImageInputs {
  readonly name: string;
  readonly image: Image;
  /** Instead of the image's entrypoint; a bare word is a process type. */
  readonly entrypoint: string | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string | undefined;
  readonly network: boolean;
}

/** What running works with. */
export interface RunImagePorts {
  readonly sandbox: Sandbox;
  readonly rootfsDir: string;
  /** Private directories of what runs. */
  readonly runsDir: string;
  readonly ctx: Context;
}

/**
 * Runs an image in the sandbox until it ends; returns its exit status. The image is read-only,
 * except for copies of its working directory and home that live as long as the process.
 */
export async function runImage(inputs: RunImageInputs, ports: RunImagePorts): Promise<number> {
  const { ctx, sandbox } = ports;
  const rootfs = await unpackRootfs(inputs.image, ports.rootfsDir, inputs.name, ctx);
  const work = await mkdtemp(join(await privateDirectory(ports.runsDir), "run-"));
  try {
    const spec = await runSpec(inputs, rootfs, work);
    const { code } = await runInSandbox(sandbox, spec, {
      stdio: ["ignore", "inherit", "inherit"],
      signal: ctx.signal,
      graceMs: 2000,
    });
    return code;
  } finally {
    await removeTree(work);
  }
}

async function runSpec(inputs: RunImageInputs, rootfs: string, work: string): Promise<SandboxSpec> {
  const { value } = await inputs.image.config();
  const config = value.config ?? {};
  const { uid, gid } = userOf(config.User ?? "", inputs.name);
  const workdir =
    inputs.workdir ?? (config.WorkingDir === undefined || config.WorkingDir === "" ? "/" : config.WorkingDir);
  const home = homeOf(rootfs, uid);
  const command = commandOf(inputs, config.Entrypoint ?? [], config.Cmd ?? []);
  const fromImage = (config.Env ?? []).map(
    (entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const,
  );
  return {
    root: rootfs,
    uid,
    gid,
    workdir,
    mounts: [
      ...baseMounts,
      ...(home === "/tmp" ? [] : [{ kind: "tmpfs", target: home } as const]),
      ...(await writableCopy(rootfs, workdir, work)),
      ...(inputs.network ? networkMounts() : []),
    ],
    network: inputs.network,
    env: { HOME: home, ...Object.fromEntries(fromImage), ...inputs.env },
    command,
  };
}

/** The working directory may be written, as in a container; what is written goes with it. */
async function writableCopy(rootfs: string, workdir: string, work: string): Promise<readonly SandboxMount[]> {
  const source = fileInRootfs(rootfs, workdir);
  if (workdir === "/" || source === undefined) return [];
  const copy = join(work, "workdir");
  await mkdir(copy);
  await cp(source, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, mode: 2 });
  return [{ kind: "rw", source: copy, target: workdir }];
}

function userOf(user: string, name: string): { readonly uid: number; readonly gid: number } {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(user === "" ? "0:0" : user);
  if (match?.[1] !== undefined) return { uid: Number(match[1]), gid: Number(match[2] ?? match[1]) };
  throw new TspackError("INVALID_IMAGE", `the user ${JSON.stringify(user)} of ${name} has no number`, {
    hint: "images of the lifecycle have a number; run this one with an engine",
  });
}

function commandOf(inputs: RunImageInputs, entrypoint: readonly string[], cmd: readonly string[]): readonly string[] {
  const first = inputs.entrypoint === undefined ? entrypoint : [processPath(inputs.entrypoint)];
  const rest = inputs.args.length === 0 && inputs.entrypoint === undefined ? cmd : inputs.args;
  const command = [...first, ...rest];
  if (command.length > 0) return command;
  throw new TspackError("INVALID_ARGUMENTS", `${inputs.name} has no entrypoint`, {
    hint: "say what to run: tspack run IMAGE COMMAND",
  });
}

/** `web` is a process type, `launcher` the launcher, a path is a path. */
function processPath(entrypoint: string): string {
  if (entrypoint.includes("/")) return entrypoint;
  return entrypoint === "launcher" ? "/cnb/lifecycle/launcher" : `/cnb/process/${entrypoint}`;
}
