/** What appears inside of a sandbox beside its read-only root. */
export type SandboxMount =
  | { readonly kind: "ro" | "rw"; readonly source: string; readonly target: string }
  | { readonly kind: "tmpfs" | "proc" | "dev"; readonly target: string };

/** A command and all that it may see. */
export interface SandboxSpec {
  /** The unpacked root file system on this machine; read-only inside. */
  readonly root: string;
  /** Ids under which the command sees itself; outside it stays whoever builds. */
  readonly uid: number;
  readonly gid: number;
  readonly workdir: string;
  /** In this order; their targets exist in `root` or are made by `prepareTargets`. */
  readonly mounts: readonly SandboxMount[];
  /** False cuts the network: only a loopback of its own remains. */
  readonly network: boolean;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** A program and its arguments that run a spec; the environment is given to it as it is. */
export interface SandboxCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** The mounts that every sandbox has: processes of its own, six harmless devices, a private /tmp. */
export const baseMounts: readonly SandboxMount[] = [
  { kind: "proc", target: "/proc" },
  { kind: "dev", target: "/dev" },
  { kind: "tmpfs", target: "/tmp" },
];

/** The bubblewrap command for a spec. */
export function bubblewrapCommand(program: string, spec: SandboxSpec): SandboxCommand {
  const args = [
    ...["--unshare-user", "--uid", String(spec.uid), "--gid", String(spec.gid)],
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(spec.network ? [] : ["--unshare-net"]),
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    ...["--ro-bind", spec.root, "/"],
    ...spec.mounts.flatMap(bubblewrapMount),
    ...["--chdir", spec.workdir, "--", ...spec.command],
  ];
  return { file: program, args };
}

/**
 * Parts of /proc that answer to a user id instead of a capability: whoever builds as root could
 * change the machine's kernel settings from inside. bubblewrap leaves them as they are.
 */
const coveredProcFiles = ["sys", "sysrq-trigger", "irq", "bus", "fs", "mtrr", "acpi", "scsi"];

function procCover(proc: string, name: string): readonly string[] {
  return ["--ro-bind-try", `/proc/${name}`, `${proc}/${name}`];
}

function bubblewrapMount(mount: SandboxMount): readonly string[] {
  switch (mount.kind) {
    case "ro":
      return ["--ro-bind", mount.source, mount.target];
    case "rw":
      return ["--bind", mount.source, mount.target];
    case "tmpfs":
      return ["--perms", "1777", "--tmpfs", mount.target];
    case "proc":
      return ["--proc", mount.target, ...coveredProcFiles.flatMap((name) => procCover(mount.target, name))];
    case "dev":
      return ["--dev", mount.target];
  }
}

/** The util-linux `unshare` command for a spec; `init` is our sandbox-init. */
export function unshareCommand(program: string, init: string, spec: SandboxSpec): SandboxCommand {
  const args = [
    // unshare itself would live on when we are killed, and the sandbox with it.
    ...["--with-parent", program],
    ...["--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"],
    ...(spec.network ? [] : ["--net"]),
    ...["--propagation", "private", "--"],
    ...[init, spec.root, String(spec.uid), String(spec.gid), spec.workdir],
    ...spec.mounts.flatMap((mount) => [mount.kind, "source" in mount ? mount.source : "-", mount.target]),
    ...["--", ...spec.command],
  ];
  return { file: init, args };
}
