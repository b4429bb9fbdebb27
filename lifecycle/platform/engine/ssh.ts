import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SshEndpoint } from "./endpoint.ts";

/** Milliseconds that an `ssh` gets to end. */
const patience = 2000;

/** A socket of this machine that leads to an engine on another one. */
export interface SshTunnel {
  readonly socket: string;
  /** The last line that `ssh` wrote on standard error, complete after `close`: why there is no answer. */
  readonly complaint: () => string;
  readonly close: () => Promise<void>;
}

/**
 * Opens a socket in a private directory; each connection to it is an `ssh` that runs Docker's own
 * `dial-stdio` there, as Docker's program does it. Authentication, known hosts and jump hosts are
 * ssh's affair.
 */
export async function openSshTunnel(endpoint: SshEndpoint, program = "ssh"): Promise<SshTunnel> {
  const directory = await mkdtemp(join(tmpdir(), "tspack-ssh-"));
  const children = new Set<ChildProcess>();
  let said = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const child = connect(socket, program, sshArguments(endpoint), (text) => (said = (said + text).slice(-2000)));
    children.add(child);
    child.once("close", () => children.delete(child));
  });
  const path = join(directory, "engine.sock");
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    socket: path,
    complaint: () => said.trim().split("\n").at(-1) ?? "",
    close: async () => {
      const ended = [...children].map((child) => new Promise((resolve) => child.once("close", resolve)));
      for (const socket of sockets) socket.destroy();
      for (const child of children) child.kill("SIGTERM");
      await Promise.race([Promise.all(ended), sleep(patience, undefined, { ref: false })]);
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Arguments of `ssh`; what comes after the host is what the other machine's shell gets, and has no text of others. */
export function sshArguments({ user, host, port, socket }: SshEndpoint): readonly string[] {
  return [
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", port]),
    ...["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T", "--", host],
    ...["docker", ...(socket === undefined ? [] : ["--host", `unix://${socket}`]), "system", "dial-stdio"],
  ];
}

/** What to do about the last line of an `ssh` that could not connect; undefined for one that is not known. */
export function sshHint(complaint: string, { user, host, port }: SshEndpoint): string | undefined {
  const there = `${user === undefined ? "" : `${user}@`}${host}`;
  const command = `ssh ${port === undefined ? "" : `-p ${port} `}${there}`;
  if (/host key verification failed/i.test(complaint))
    return `the key of ${host} is not in known_hosts, or another one is: run ${command} once and compare what it shows`;
  if (/permission denied \(/i.test(complaint))
    return `ssh asks for no password here: give it a key that ${there} takes, with ssh-agent or IdentityFile in ~/.ssh/config`;
  if (/docker: (command )?not found|docker: No such file|(command not found|unknown command): docker/i.test(complaint))
    return `install Docker's command line program on ${host}, or put it on the PATH of commands that ssh runs there`;
  if (/dial unix .*permission denied/i.test(complaint))
    return `let this user of ${host} use the engine's socket, or name another user: ssh://USER@${host}`;
  if (/cannot connect to the docker daemon|dial unix /i.test(complaint))
    return `start the engine on ${host}, or add the path of its socket to the address: ssh://…/path/to/docker.sock`;
  if (/connection (refused|timed out)|no route to host|could not resolve|name or service/i.test(complaint))
    return `correct the host and port in DOCKER_HOST or the Docker context: ${command} has to work`;
  return undefined;
}

function connect(
  socket: Socket,
  program: string,
  args: readonly string[],
  onComplaint: (text: string) => void,
): ChildProcess {
  const child = spawn(program, [...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stderr.setEncoding("utf8").on("data", onComplaint);
  child.once("error", (error) => {
    onComplaint(error.message);
    socket.destroy();
  });
  // Either side may end in the middle; the request on it fails then, and says so.
  for (const stream of [socket, child.stdin, child.stdout]) stream.on("error", () => socket.destroy());
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
  // Its end has to be that of the connection: a socket that nobody reads does not notice the other side's.
  child.once("close", () => socket.destroySoon());
  socket.once("close", () => {
    // What nobody reads any more would keep the child's end from being noticed.
    child.stdout.resume();
    child.kill("SIGTERM");
  });
  return child;
}
