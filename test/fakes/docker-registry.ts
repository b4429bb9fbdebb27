import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A real registry of this machine. */
export interface DockerRegistry {
  readonly host: string;
  readonly close: () => Promise<void>;
}

/** Whether a program is on PATH. */
export function isInstalled(program: string, argument = "--version"): boolean {
  return spawnSync(program, [argument], { stdio: "ignore" }).error === undefined;
}

/** How a registry is set up. */
export interface DockerRegistryOptions {
  /** Text of the file of users. */
  readonly htpasswd?: string;
  /** Files for TLS; clients have to show a certificate of these CAs. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCas: readonly string[] };
}

/** Starts `docker-registry serve` on a free port with its data in a temporary directory. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "tspack-registry-"));
  const port = await freePort();
  const { tls } = options;
  const secured =
    tls === undefined
      ? ""
      : `, tls: {certificate: ${tls.cert}, key: ${tls.key}, clientcas: [${tls.clientCas.join(", ")}]}`;
  const auth = options.htpasswd === undefined ? "" : `auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}\n`;
  await writeFile(join(directory, "htpasswd"), options.htpasswd ?? "");
  await writeFile(
    join(directory, "config.yml"),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}, delete: {enabled: true}}\n` +
      `http: {addr: "127.0.0.1:${port}"${secured}}\n${auth}`,
  );
  const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], { stdio: "ignore" });
  const host = `127.0.0.1:${port}`;
  await answers(`http://${host}/v2/`);
  return {
    host,
    async close() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`${url} does not answer`);
}
