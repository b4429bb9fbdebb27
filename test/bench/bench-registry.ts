import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../e2e/free-port.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import type { NetworkSpeed } from "./network-link.ts";
import { startTrafficProxy, type TrafficCounter, type TrafficProxy } from "./traffic-proxy.ts";

/** A real registry of this machine, whose clients can be counted. */
export interface BenchRegistry {
  /** `127.0.0.1:PORT`, the same before and after counting begins. */
  readonly host: string;
  /** From now on a proxy is in the way, which counts: nothing is measured by the clock any more. */
  readonly startCounter: () => Promise<TrafficCounter>;
  readonly close: () => Promise<void>;
}

/** Why scenarios with a registry cannot run here; undefined: they can. */
export function registryMissing(): string | undefined {
  return isInstalled("docker-registry") ? undefined : "docker-registry is not installed";
}

/** Starts a registry with its data in a directory; with a speed, clients reach it through a slow network. */
export async function startBenchRegistry(directory: string, speed?: NetworkSpeed): Promise<BenchRegistry> {
  const port = await freePort();
  let child = await serve(directory, port);
  let proxy: TrafficProxy | undefined;
  const behindProxy = async (): Promise<TrafficProxy> => {
    if (proxy !== undefined) return proxy;
    await ended(child);
    const inner = await freePort();
    child = await serve(directory, inner);
    proxy = await startTrafficProxy({ target: `127.0.0.1:${inner}`, port, ...(speed && { speed }) });
    return proxy;
  };
  if (speed !== undefined) await behindProxy();
  return {
    host: `127.0.0.1:${port}`,
    startCounter: behindProxy,
    async close() {
      await proxy?.close();
      await ended(child);
    },
  };
}

async function serve(directory: string, port: number): Promise<ChildProcess> {
  const config = join(directory, "registry.yml");
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error}\n` +
      `storage: {filesystem: {rootdirectory: ${directory}/registry}, delete: {enabled: true}}\n` +
      `http: {addr: "127.0.0.1:${port}"}\n`,
  );
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer?.ok === true) return child;
    await sleep(50);
  }
  await ended(child);
  throw new Error("docker-registry does not answer");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
