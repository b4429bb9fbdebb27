import { createServer, request as forward } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** An HTTP proxy that leads every name to one place, and remembers who asked for what. */
export interface HttpProxy {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `GET http://host/path` of plain requests, `CONNECT host:port` of tunnels. */
  readonly seen: readonly string[];
  readonly authorizations: readonly (string | undefined)[];
  close(): Promise<void>;
}

/** Starts a proxy in front of `HOST:PORT`; with `authorization` it answers 407 to all others. */
export async function startHttpProxy(target: string, authorization?: string): Promise<HttpProxy> {
  const [hostname = "", port = ""] = target.split(":");
  const seen: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const admits = (given: string | undefined): boolean => {
    authorizations.push(given);
    return authorization === undefined || given === authorization;
  };
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const { "proxy-authorization": who, ...headers } = incoming.headers;
    if (!admits(who)) return void outgoing.writeHead(407).end();
    const { pathname, search } = new URL(incoming.url ?? "");
    const inner = forward(
      { hostname, port, path: `${pathname}${search}`, method: incoming.method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    inner.on("error", () => outgoing.destroy());
    incoming.pipe(inner);
  });
  const sockets = new Set<Socket>();
  server.on("connect", (incoming, client: Socket, head: Buffer) => {
    seen.push(`CONNECT ${incoming.url}`);
    if (!admits(incoming.headers["proxy-authorization"])) {
      return void client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    }
    const inner = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      inner.write(head);
      client.pipe(inner).pipe(client);
    });
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    authorizations,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
