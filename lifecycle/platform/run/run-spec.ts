import { TspackError } from "../../errors.ts";
import { homeOf } from "../rootfs-files.ts";
import { networkMounts } from "../runners/sandbox-runner.ts";
import { baseMounts, type SandboxSpec } from "../runners/sandbox/spec.ts";
import { findProgramIn, type ProgramCheck } from "./find-program.ts";
import { findInRootfs, withoutLinks } from "./path-in-rootfs.ts";
import type { RunImageInputs } from "./run-image.ts";
import { userIn } from "./user.ts";
import { writableMounts } from "./writable-places.ts";

/** What is started, or why that can not be, as shells number it. */
export type ReadyToRun = { readonly spec: SandboxSpec } | Exclude<ProgramCheck, { readonly path: string }>;

/** What containers have when their image says nothing. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * An image's configuration with what was asked for instead, for the sandbox. `work` is a private
 * directory that lives as long as the process. Throws `INVALID_IMAGE`, `INVALID_ARGUMENTS`.
 */
export async function runSpec(inputs: RunImageInputs, rootfs: string, work: string): Promise<ReadyToRun> {
  const { value } = await inputs.image.config();
  const config = value.config ?? {};
  const { uid, gid } = userIn(rootfs, inputs.user ?? config.User ?? "");
  const workdir = directoryIn(rootfs, inputs.workdir ?? (config.WorkingDir || "/"), inputs.name);
  const home = homeOf(rootfs, uid);
  const env = { PATH: defaultPath, HOME: home, ...variables(config.Env ?? []), ...inputs.env };
  const volumes = inputs.volumes.map((volume) => ({ ...volume, target: withoutLinks(rootfs, volume.target) }));
  const covered = [home, "/tmp", ...volumes.map(({ target }) => target)].filter((place) => place !== "/");
  const search = { rootfs, path: env.PATH.split(":"), workdir, covered };
  const command = commandOf(inputs, config.Entrypoint ?? [], config.Cmd ?? [], rootfs);
  const check = findProgramIn(command[0] ?? "", search);
  if ("status" in check) return check;
  const mounts = [
    ...baseMounts.filter(({ target }) => target !== "/tmp"),
    ...(await writableMounts({ rootfs, workdir, home, volumes, work })),
    ...(inputs.network ? networkMounts() : []),
  ];
  return {
    spec: { root: rootfs, uid, gid, workdir, mounts, network: inputs.network, env, command },
  };
}

function variables(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const),
  );
}

/** Where a process starts, without links; a directory that is not there is made, as engines do. */
function directoryIn(rootfs: string, path: string, name: string): string {
  const found = findInRootfs(rootfs, path);
  if (found === undefined || found.info.isDirectory()) return found?.path ?? withoutLinks(rootfs, path);
  throw new TspackError("INVALID_ARGUMENTS", `${path} of ${name} is not a directory`, {
    hint: "--workdir names a directory of the image",
  });
}

function commandOf(
  inputs: RunImageInputs,
  entrypoint: readonly string[],
  cmd: readonly string[],
  rootfs: string,
): readonly string[] {
  const first = inputs.entrypoint === undefined ? entrypoint : [processPath(inputs.entrypoint, rootfs)];
  const rest = inputs.args.length === 0 && inputs.entrypoint === undefined ? cmd : inputs.args;
  const command = [...first, ...rest];
  if (command.length > 0) return command;
  throw new TspackError("INVALID_ARGUMENTS", `${inputs.name} has no entrypoint`, {
    hint: "say what to run: tspack run IMAGE COMMAND",
  });
}

/** `web` is a process type when the image has it, `launcher` the launcher, else it is a program. */
function processPath(entrypoint: string, rootfs: string): string {
  if (entrypoint.includes("/")) return entrypoint;
  const path = entrypoint === "launcher" ? "/cnb/lifecycle/launcher" : `/cnb/process/${entrypoint}`;
  return findInRootfs(rootfs, path) === undefined ? entrypoint : path;
}
