import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, isIPv6, type Server, type Socket } from "node:net";
import { errorCode, InputError, type InputIssue } from "../../errors.ts";
import type { PublishedPort } from "./published-port.ts";

/** Ports that lead to the application, until they are closed. */
export interface Publication {
  /** `127.0.0.1:8080 -> 3000` for each port that was asked for. */
  readonly lines: readonly string[];
  close(): void;
}

/** A port that could be listened on, or why not. */
type Opened = { readonly server: Server } | { readonly issue: InputIssue };

/**
 * Makes ports of this machine lead to ports of the application, which has the machine's network:
 * a port that is the same on both sides needs nothing, for the others connections are handed on to
 * the loopback address. Nobody else may listen on any of them. Throws `INVALID_ARGUMENTS` with
 * every port that can not be had.
 */
export async function publishPorts(ports: readonly PublishedPort[]): Promise<Publication> {
  const firstOpen = unprivilegedPortStart();
  const closed = ports.filter(({ container }) => container < firstOpen).map((port) => privileged(port, firstOpen));
  // The ports of the application are held while free ones are looked for, which can then be none of them.
  const containers = [...new Set(ports.map(({ container }) => container))].filter((port) => port >= firstOpen);
  const held = await Promise.all(containers.map((port) => listen(undefined, port)));
  const forwarded = ports.filter(({ host, container }) => host !== container);
  const opened = await Promise.all(forwarded.map(({ address, host, container }) => listen(address, host, container)));
  close(held);
  const issues = [...closed, ...[...held, ...opened].flatMap((each) => ("issue" in each ? [each.issue] : []))];
  if (issues.length > 0) {
    close(opened);
    throw new InputError("INVALID_ARGUMENTS", "ports can not be published", issues, {
      hint: "stop who listens there, or take other ports; the application shares the machine's network, so its own port has to be free as well (-e PORT=3001 -p 8080:3001)",
    });
  }
  const servers = opened.flatMap((each) => ("server" in each ? [each.server] : []));
  return { lines: linesOf(ports, forwarded, servers), close: () => close(opened) };
}

function linesOf(
  ports: readonly PublishedPort[],
  forwarded: readonly PublishedPort[],
  servers: readonly Server[],
): readonly string[] {
  return ports.map((port) => {
    const address = servers[forwarded.indexOf(port)]?.address();
    const host = typeof address === "object" ? address?.port : undefined;
    const { address: ip = "*" } = port;
    return `${isIPv6(ip) ? `[${ip}]` : ip}:${host ?? port.host} -> ${port.container}`;
  });
}

function privileged({ container }: PublishedPort, firstOpen: number): InputIssue {
  const expected = `a port of the application from ${firstOpen} on: it has no privileges in the machine's network`;
  return { source: "--publish", path: "", expected, got: String(container) };
}

/** Ports below this are for privileged processes only, which applications in the sandbox never are. */
function unprivilegedPortStart(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  } catch {
    return 1024;
  }
}

/** Listens on a port; connections go to the application's port, or, without one, nowhere. */
async function listen(address: string | undefined, port: number, container?: number): Promise<Opened> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (container === undefined) return void client.destroy();
    void handOn(client, container, sockets);
  });
  // A server closes only when its connections have.
  server.once("closing", () => sockets.forEach((socket) => socket.destroy()));
  try {
    server.listen({ port, host: address, exclusive: true });
    await once(server, "listening");
    return { server };
  } catch (error) {
    const expected = expectedFor(errorCode(error));
    return { issue: { source: "--publish", path: "", expected, got: `${address ?? "*"}:${port}` } };
  }
}

function expectedFor(code: string | undefined): string {
  if (code === "EADDRINUSE") return "a port that nobody listens on";
  if (code === "EADDRNOTAVAIL") return "an address of this machine";
  if (code === "EACCES") return "a port that this user may listen on";
  return `a port that can be listened on (${code})`;
}

/** Pipes a connection to the application; who closes one direction closes it on the other side. */
async function handOn(client: Socket, container: number, sockets: Set<Socket>): Promise<void> {
  keep(client, sockets);
  const upstream = (await reach("127.0.0.1", container)) ?? (await reach("::1", container));
  if (upstream === undefined || client.destroyed) {
    upstream?.destroy();
    // As an engine does it: accepted, and closed at once, while nobody listens inside.
    client.resetAndDestroy();
    return;
  }
  keep(upstream, sockets);
  client.once("close", () => upstream.destroy());
  upstream.once("close", () => client.destroySoon());
  client.pipe(upstream);
  upstream.pipe(client);
}

function keep(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
}

async function reach(host: string, port: number): Promise<Socket | undefined> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  }
}

function close(opened: readonly Opened[]): void {
  for (const each of opened) {
    if (!("server" in each)) continue;
    each.server.close();
    each.server.emit("closing");
  }
}
