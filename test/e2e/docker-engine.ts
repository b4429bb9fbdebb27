import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** Starts a private dockerd without network; undefined when this machine cannot, which is a failure where CI is set. */
export async function startDockerEngine(): Promise<TestEngine | undefined> {
  return startEngine("dockerd", (at) => [
    ...["--host", `unix://${at}/docker.sock`, "--data-root", `${at}/data`, "--exec-root", `${at}/exec`],
    ...["--pidfile", `${at}/docker.pid`, "--config-file", `${at}/daemon.json`],
    ...["--iptables=false", "--ip6tables=false", "--bridge=none"],
  ]);
}

/** Starts a private Podman that speaks Docker's API; undefined when this machine cannot. */
export async function startPodmanEngine(): Promise<TestEngine | undefined> {
  return startEngine("podman", (at) => [
    ...["--root", `${at}/data`, "--runroot", `${at}/exec`],
    ...["system", "service", "--time=0", `unix://${at}/docker.sock`],
  ]);
}

const containersConfig = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
`;

async function startEngine(
  program: "dockerd" | "podman",
  argsAt: (directory: string) => readonly string[],
): Promise<TestEngine | undefined> {
  if (!canStartEngine(program)) return undefined;
  // The path of a socket has to be short.
  const directory = await mkdtemp(join(tmpdir(), "eng-"));
  await writeFile(join(directory, "daemon.json"), "{}");
  // Podman asks for more than a test machine may give.
  await writeFile(join(directory, "containers.conf"), containersConfig);
  const env = { ...process.env, CONTAINERS_CONF: join(directory, "containers.conf") };
  const child = spawn(program, [...argsAt(directory)], { stdio: ["ignore", "ignore", "pipe"], detached: true, env });
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

async function stop(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  // Podman leaves its store mounted on itself, and dockerd the network of containers that use the host's.
  for (const mount of ["data/overlay", "exec/netns/default"]) {
    spawnSync("umount", [join(directory, mount)], { stdio: "ignore" });
  }
  await rm(directory, { recursive: true, force: true });
}
