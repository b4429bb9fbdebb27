import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Programs } from "./compile.ts";
import { succeeds } from "./compile.ts";

/** An entry of the tree of a case, see the golden data's README. */
export interface TreeEntry {
  readonly path: string;
  readonly type: "dir" | "file" | "symlink";
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly text?: string;
  readonly target?: string;
}

export interface Invocation {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly tree: readonly TreeEntry[];
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly probe: unknown;
}

const isRoot = process.getuid?.() === 0;
const unshare = [...(isRoot ? ["-m"] : ["-Urm"]), "--propagation", "private"];
const mounts = ["usr", "dev", "proc"];

/** True when this user may make a root filesystem of a folder. */
export function canEnterRoot(): boolean {
  return succeeds("unshare", [...unshare, "mount", "--rbind", "/usr", "/usr"]);
}

/** Makes the tree below `root`, with this machine's /usr read through it, and runs the command in it. */
export function runInRoot(root: string, programs: Programs, invocation: Invocation): Outcome {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { mode: 0o755, recursive: true });
  for (const name of mounts) mkdirSync(join(root, name));
  for (const name of ["bin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  install(programs.launcher, join(root, "cnb/lifecycle/launcher"));
  install(programs.probe, join(root, "opt/probe/probe"));
  for (const entry of invocation.tree) make(root, entry);
  const result = join(root, "probe.json");
  writeFileSync(result, "");
  chmodSync(result, 0o666);

  const steps = mounts.map((name) => `mount --rbind /${name} "$0/${name}"`).join(" && ");
  const user = isRoot ? ["--userspec=1000:1000"] : [];
  const variables = Object.entries(invocation.env).map(([name, value]) => `${name}=${value}`);
  const command = ["chroot", ...user, root, "/usr/bin/env", "-i", ...variables, ...invocation.argv];
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [...unshare, "sh", "-c", `${steps} && exec "$@"`, root, ...command],
    { encoding: "utf8" },
  );
  const probe = readFileSync(result, "utf8");
  return { exitCode: status, stdout, stderr, probe: probe === "" ? undefined : JSON.parse(probe) };
}

function install(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  chmodSync(target, 0o755);
}

function make(root: string, entry: TreeEntry): void {
  const path = join(root, entry.path);
  if (entry.type === "symlink") return symlinkSync(entry.target ?? "", path);
  if (entry.type === "dir") mkdirSync(path, { recursive: true });
  else writeFileSync(path, entry.text ?? "");
  if (isRoot) chownSync(path, entry.uid ?? 0, entry.gid ?? 0);
  if (entry.mode !== undefined) chmodSync(path, Number.parseInt(entry.mode, 8));
}
