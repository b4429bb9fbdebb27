import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canStartEngine, startDockerEngine, type TestEngine } from "./docker-engine.ts";
import { freePort } from "./free-port.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import {
  buildJson,
  leftovers,
  needs,
  type Person,
  processesWith,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  tspack,
} from "./tspack.ts";

const { skip, note } = needs("sshd", "ssh", "ssh-keygen", "docker", "dockerd");
const canStart = canStartEngine("dockerd");
if (!canStart && process.env["CI"] !== undefined) throw new Error("CI needs dockerd as root");

describe.skipIf(skip || !canStart)(`an engine on another machine, through ssh (needs root, dockerd)${note}`, () => {
  let person: Person;
  let engine: TestEngine;
  let server: SshServer;
  let directory = "";
  let args: readonly string[] = [];

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("engine-ssh");
    await makeScriptedBuilder(person, join(directory, "builder"));
    const build = `printf '[[processes]]\\ntype = "web"\\ncommand = ["ls"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"`;
    args = ["--path", scriptedApp(join(directory, "app"), { build }), "--builder", scriptedBuilder];
    const started = await startDockerEngine();
    if (started === undefined) throw new Error("no engine can be started here");
    engine = started;
    server = await startSshServer(join(directory, "ssh"));
  });
  afterAll(async () => {
    await server?.close();
    await engine?.close();
    removeAll(directory);
  });

  /** What a person's ssh finds: its keys and known hosts are not in HOME, which ssh does not look at. */
  const client = (name: string, settings: readonly string[]): Readonly<Record<string, string>> => {
    const at = join(directory, "clients", name);
    mkdirSync(at, { recursive: true });
    const settled = ["IdentitiesOnly yes", "ControlPath none", ...settings];
    writeFileSync(join(at, "config"), `Host *\n${settled.map((line) => `  ${line}\n`).join("")}`);
    writeFileSync(join(at, "ssh"), `#!/bin/sh\nexec ${which("ssh")} -F ${at}/config "$@"\n`);
    chmodSync(join(at, "ssh"), 0o755);
    return { PATH: `${at}:${process.env["PATH"]}`, DOCKER_HOST: address() };
  };
  const address = (port = server.port, socket = engine.socket): string => `ssh://root@127.0.0.1:${port}${socket}`;
  const known = (): readonly string[] => [`UserKnownHostsFile ${server.knownHosts}`, `IdentityFile ${server.key}`];

  it("builds what the sandbox builds, for here and for the engine, with the engine's own socket in the containers", async () => {
    const env = client("good", known());
    const sandbox = await buildJson(person, ["e2e/ssh-sandbox", ...args, "--runner", "sandbox"]);
    const inEngine = [...args, "--runner", "engine", "--network", "host"];
    const here = await buildJson(person, ["e2e/ssh", ...inEngine], { env });
    expect(here.digest).toBe(sandbox.digest);
    expect(here.runner).toContain(`ssh://root@127.0.0.1:${server.port}`);
    const there = await buildJson(person, ["e2e/ssh", ...inEngine, "--output", "engine"], { env });
    const again = await buildJson(person, ["e2e/ssh", ...inEngine, "--output", "engine"], { env });
    expect(again.digest).toBe(there.digest);
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
    expect(processesWith(`${directory}/clients`)).toEqual([]);
  });

  it("leaves no ssh behind after Ctrl-C, and no container", async () => {
    const env = client("interrupted", known());
    const slow = scriptedApp(join(directory, "slow"), { build: "trap '' INT TERM; echo sleeping; sleep 600" });
    const inEngine = ["--builder", scriptedBuilder, "--runner", "engine", "--network", "host"];
    const running = startTspack(person, ["build", "e2e/slow", "--path", slow, ...inEngine], { env });
    await running.says("sleeping");
    running.child.kill("SIGINT");
    expect((await running.done).code).toBe(130);
    expect(processesWith(`${directory}/clients`)).toEqual([]);
    const left = execFileSync("docker", ["--host", `unix://${engine.socket}`, "ps", "--all", "--quiet"]);
    expect(left.toString()).toBe("");
    expect(leftovers(person)).toEqual([]);
  });

  const failures: readonly {
    readonly what: string;
    readonly settings: () => readonly string[];
    readonly host?: () => string;
    readonly said: RegExp;
    readonly hint: string;
  }[] = [
    {
      what: "whose host key nobody knows",
      settings: () => [`UserKnownHostsFile ${directory}/nobody`, `IdentityFile ${server.key}`],
      said: /Host key verification failed/,
      hint: "is not in known_hosts, or another one is",
    },
    {
      what: "whose host key has changed",
      settings: () => [`UserKnownHostsFile ${server.wrongHosts}`, `IdentityFile ${server.key}`],
      said: /Host key verification failed/,
      hint: "is not in known_hosts, or another one is",
    },
    {
      what: "that does not take our key, without asking for a password",
      settings: () => [`UserKnownHostsFile ${server.knownHosts}`, `IdentityFile ${server.wrongKey}`],
      said: /Permission denied \(/,
      hint: "ssh asks for no password here: give it a key",
    },
    {
      what: "that has no docker",
      settings: known,
      host: () => address(server.barePort),
      said: /docker: .*not found/,
      hint: "install Docker's command line program on 127.0.0.1",
    },
    {
      what: "whose engine is down",
      settings: known,
      host: () => address(server.port, `${directory}/nothing.sock`),
      said: /nothing\.sock/,
      hint: "start the engine on 127.0.0.1",
    },
    {
      what: "where nobody listens",
      settings: known,
      host: () => address(server.closedPort),
      said: /Connection refused/,
      hint: "correct the host and port",
    },
  ];
  it.each(failures)("says what to do with a machine $what", async ({ what, settings, host, said, hint }) => {
    const env = client(what.replaceAll(/\W/g, "-"), settings());
    const named = host === undefined ? env : { ...env, DOCKER_HOST: host() };
    const { code, stderr } = await tspack(person, ["build", "e2e/ssh", ...args, "--runner", "engine"], { env: named });
    expect(code).toBe(1);
    expect(stderr).toContain("error ENGINE_UNREACHABLE");
    expect(stderr).toMatch(said);
    expect(stderr).toContain(hint);
    expect(processesWith(`${directory}/clients`)).toEqual([]);
  });
});

interface SshServer {
  readonly port: number;
  /** Where commands find no program. */
  readonly barePort: number;
  readonly closedPort: number;
  /** Files of the client: keys, and lists of hosts. */
  readonly key: string;
  readonly wrongKey: string;
  readonly knownHosts: string;
  readonly wrongHosts: string;
  readonly close: () => Promise<void>;
}

/** An sshd of our own, with keys of our own, for root and with keys only. */
async function startSshServer(at: string): Promise<SshServer> {
  mkdirSync(at, { recursive: true, mode: 0o700 });
  // Debian's sshd wants it, and a machine without systemd does not make it.
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  for (const name of ["host", "other-host", "client", "other-client"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(at, name)]);
  const [port, barePort, closedPort] = [await freePort(), await freePort(), await freePort()];
  const hosts = (file: string, key: string): string => {
    const line = readFileSync(join(at, `${key}.pub`), "utf8");
    writeFileSync(join(at, file), [port, barePort].map((number) => `[127.0.0.1]:${number} ${line}`).join(""));
    return join(at, file);
  };
  const config = (name: string, number: number, path: string): string => {
    const lines = [
      ...[`ListenAddress 127.0.0.1:${number}`, `PidFile ${at}/${name}.pid`, `SetEnv PATH=${path}`],
      ...[`HostKey ${at}/host`, `AuthorizedKeysFile ${at}/client.pub`, "PermitRootLogin prohibit-password"],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no", "StrictModes no"],
      "MaxStartups 100",
    ];
    writeFileSync(join(at, name), `${lines.join("\n")}\n`);
    return join(at, name);
  };
  const files = [config("sshd", port, process.env["PATH"] ?? ""), config("sshd-bare", barePort, "/nowhere")];
  const children = files.map((file) => spawn(which("sshd"), ["-D", "-e", "-f", file], { stdio: "ignore" }));
  for (const each of [port, barePort]) await listens(each);
  return {
    ...{ port, barePort, closedPort },
    key: join(at, "client"),
    wrongKey: join(at, "other-client"),
    knownHosts: hosts("known-hosts", "host"),
    wrongHosts: hosts("wrong-hosts", "other-host"),
    close: async () => {
      const ended = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}

/** sshd has to be started by its whole path. */
function which(program: string): string {
  const path = `${process.env["PATH"]}:/usr/sbin`;
  return execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8", env: { PATH: path } }).trim();
}

async function listens(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`nothing listens at port ${port}`);
}
