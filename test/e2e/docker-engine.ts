import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { isInstalled } from "../fakes/docker-registry.ts";

/** A container engine of this machine, with its data in a directory of its own. */
export interface TestEngine {
  readonly socket: string;
  readonly close: () => Promise<void>;
}

/** Whether an engine of our own can be had: the program, and the right to mount. */
export function canStartEngine(program: "dockerd" | "podman"): boolean {
  return process.getuid?.() === 0 && isInstalled(program);
}

/**
 * Starts a private dockerd without network, with more arguments if need be; undefined when this machine cannot, which
 * is a failure where CI is set.
 */
export async function startDockerEngine(
  more: (directory: string) => readonly string[] = () => [],
): Promise<TestEngine | undefined> {
  return startEngine("dockerd", (at) => [...dockerArguments(at), ...more(at)]);
}

const dockerArguments = (at: string): readonly string[] => [
  ...["--host", `unix://${at}/docker.sock`, "--data-root", `${at}/data`, "--exec-root", `${at}/exec`],
  ...["--pidfile", `${at}/docker.pid`, "--config-file", `${at}/daemon.json`],
  ...["--iptables=false", "--ip6tables=false", "--bridge=none"],
];

/**
 * Starts a dockerd of Debian 13 with containerd's image store, which Debian 12's does not have: its packages are
 * unpacked into the engine's directory, and it runs there in a mount namespace of its own. Undefined when this machine
 * cannot.
 */
export async function startContainerdEngine(): Promise<TestEngine | undefined> {
  if (!["mmdebstrap", "unshare", "dockerd"].every((name) => isInstalled(name))) return undefined;
  return startEngine("dockerd", dockerArguments, (directory, command) => [
    ...["unshare", "--mount", "sh", "-c", enterDebian, "sh", directory, "trixie", ...command],
  ]);
}

/** Needs no package's scripts; `$1` is the engine's directory, `$2` the release, the rest a command. */
const enterDebian = `set -e
at=$1; release=$2; shift 2
root="$at/root"
mmdebstrap --quiet --mode=root --variant=extract --include=docker.io,containerd,runc "$release" "$root" $TSPACK_DEBIAN_MIRROR
for name in bin sbin lib lib64; do [ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"; done
echo '{"features": {"containerd-snapshotter": true}}' > "$at/daemon.json"
mkdir -p "$root/proc" "$root/sys" "$root/run" "$root/tmp"
mount --make-rprivate /
# The engine changes how its own root is shared, which has to be a mount.
mount --bind "$root" "$root"
for name in proc sys dev tmp; do mount --rbind "/$name" "$root/$name"; done
mount -t tmpfs none "$root/run"
exec chroot "$root" "$@"
`;

/** Starts a private Podman that speaks Docker's API; undefined when this machine cannot. */
export async function startPodmanEngine(): Promise<TestEngine | undefined> {
  return startEngine("podman", (at) => [
    ...["--root", `${at}/data`, "--runroot", `${at}/exec`],
    ...["system", "service", "--time=0", `unix://${at}/docker.sock`],
  ]);
}

/**
 * Starts a Podman of an ordinary user, who gets further user numbers in a mount namespace of its
 * own: this machine's files stay as they are. Undefined when this machine cannot.
 */
export async function startRootlessPodman(): Promise<TestEngine | undefined> {
  if (!["newuidmap", "unshare", "setpriv"].every((name) => isInstalled(name))) return undefined;
  const engine = await startEngine(
    "podman",
    (at) => ["system", "service", "--time=0", `unix://${at}/docker.sock`],
    asOrdinary,
  );
  if (engine === undefined) return undefined;
  const pause = join(dirname(engine.socket), "run/libpod/tmp/pause.pid");
  return {
    ...engine,
    close: async () => {
      // It holds the user's namespace for later containers.
      if (existsSync(pause)) process.kill(Number(readFileSync(pause, "utf8")), "SIGKILL");
      await engine.close();
    },
  };
}

/** Becomes user 1000 with numbers 200000 to 265535; `$1` is the engine's directory, the rest a command. */
const becomeOrdinary = `set -e
at=$1; shift
name=$(id -nu 1000)
echo "$name:200000:65536" > "$at/ids"; mkdir -p "$at/home" "$at/run"; chmod 644 "$at/ids"
chown 1000:1000 "$at" "$at/home" "$at/run"
for file in /etc/subuid /etc/subgid; do [ -e $file ] || touch $file; mount --bind "$at/ids" $file; done
mount --make-rshared /
cd "$at/home"
export HOME="$at/home" XDG_RUNTIME_DIR="$at/run"
user="setpriv --reuid 1000 --regid 1000 --clear-groups --"
$user mkdir lower upper work merged
overlay="mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged"
# Left alone, Podman keeps a whole copy of the image for each of its layers.
if $user unshare --map-root-user --mount $overlay 2> /dev/null; then export STORAGE_DRIVER=overlay; fi
exec $user "$@"
`;

function asOrdinary(directory: string, command: readonly string[]): readonly string[] {
  return ["unshare", "--mount", "sh", "-c", becomeOrdinary, "sh", directory, ...command];
}

/** Podman asks for more than a test machine may give, and root's networks are those of the whole machine otherwise. */
const containersConfig = (directory: string): string => `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
[network]
network_config_dir = "${directory}/networks"
`;

async function startEngine(
  program: "dockerd" | "podman",
  argsAt: (directory: string) => readonly string[],
  wrap: (directory: string, command: readonly string[]) => readonly string[] = (_directory, command) => command,
): Promise<TestEngine | undefined> {
  if (!canStartEngine(program)) return undefined;
  // The path of a socket has to be short.
  const directory = await mkdtemp(join(tmpdir(), "eng-"));
  await writeFile(join(directory, "daemon.json"), "{}");
  await writeFile(join(directory, "containers.conf"), containersConfig(directory));
  const env = { ...process.env, CONTAINERS_CONF: join(directory, "containers.conf") };
  const [file = "", ...args] = wrap(directory, [program, ...argsAt(directory)]);
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"], detached: true, env });
  const said: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const socket = join(directory, "docker.sock");
  try {
    await answers(socket, child);
  } catch (error) {
    await stop(child, directory);
    throw new Error(`${program} did not start: ${said.join("").slice(-2000)}`, { cause: error });
  }
  return { socket, close: () => stop(child, directory) };
}

async function answers(socket: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    if (existsSync(socket)) {
      const engine = engineConnection({ kind: "unix", path: socket });
      const isUp = await engine.keepOpen().then(
        () => true,
        () => false,
      );
      await engine.close();
      if (isUp) return;
    }
    await sleep(100);
  }
  throw new Error("does not answer");
}

/** An ordinary user's Podman does its work in a child, which outlives it. */
async function groupEnds({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined) return;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      process.kill(-pid, attempt < 50 ? "SIGTERM" : "SIGKILL");
    } catch {
      return;
    }
    await sleep(50);
  }
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  await groupEnds(child);
  // Podman leaves its store mounted on itself, and dockerd the network of containers that use the host's.
  for (const mount of ["data/overlay", "exec/netns/default"]) {
    spawnSync("umount", [join(directory, mount)], { stdio: "ignore" });
  }
  await rm(directory, { recursive: true, force: true });
}
