import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { NetworkLink, type NetworkSpeed } from "./network-link.ts";

/** What went through a proxy. */
export interface Traffic {
  readonly requests: number;
  /** Bytes from clients, heads included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Counts traffic since the last reset. */
export interface TrafficCounter {
  readonly reset: () => void;
  readonly read: () => Traffic;
}

/** A proxy in front of one server. */
export interface TrafficProxy extends TrafficCounter {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly close: () => Promise<void>;
}

/** Where it listens, what is behind it, and how slow the way is. */
export interface TrafficProxyOptions {
  /** `HOST:PORT` of the server. */
  readonly target: string;
  /** A free one when absent. */
  readonly port?: number;
  /** As fast as it gets when absent. */
  readonly speed?: NetworkSpeed;
}

/** How a request of HTTP/1.1 begins; clients send none before the last one's answer, so it begins a piece. */
const requestLine = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+ HTTP\/1\.1\r\n/;

/** Starts a proxy that passes on bytes and counts them; it does not read what they mean but for counting requests. */
export async function startTrafficProxy({ target, port = 0, speed }: TrafficProxyOptions): Promise<TrafficProxy> {
  const [hostname = "", targetPort = ""] = target.split(":");
  let traffic: Traffic = { requests: 0, sentBytes: 0, receivedBytes: 0 };
  const links = speed && { up: new NetworkLink(speed), down: new NetworkLink(speed) };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const inner = connect({ port: Number(targetPort), host: hostname, allowHalfOpen: true });
    for (const socket of [client, inner]) {
      sockets.add(socket.setNoDelay(true));
      socket.once("close", () => sockets.delete(socket));
    }
    // A connection is open after one way there and back; here it is at once, so the first bytes wait for it.
    const openAt = performance.now() + 2 * (speed?.delay ?? 0);
    const up = pump(client, inner, links?.up, openAt, (chunk) => {
      const requests = traffic.requests + (requestLine.test(chunk.toString("latin1", 0, 2000)) ? 1 : 0);
      traffic = { ...traffic, requests, sentBytes: traffic.sentBytes + chunk.length };
    });
    const down = pump(inner, client, links?.down, 0, (chunk) => {
      traffic = { ...traffic, receivedBytes: traffic.receivedBytes + chunk.length };
    });
    Promise.all([up, down]).catch(() => [client, inner].forEach((socket) => socket.destroy()));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset: () => void (traffic = { requests: 0, sentBytes: 0, receivedBytes: 0 }),
    read: () => traffic,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes on one direction; reading waits for the rate, so that a fast sender does not fill memory. */
async function pump(
  from: Socket,
  to: Socket,
  link: NetworkLink | undefined,
  openAt: number,
  see: (chunk: Buffer) => void,
): Promise<void> {
  to.on("error", () => from.destroy());
  let written = Promise.resolve();
  // The end of one direction is not that of the other, whose last bytes may still be on their way.
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    see(chunk);
    if (link === undefined) {
      await write(to, chunk);
      continue;
    }
    const { leftAt, arrivesAt } = link.carry(chunk.length, Math.max(performance.now(), openAt));
    written = written.then(() => until(arrivesAt)).then(() => write(to, chunk));
    written.catch(() => from.destroy());
    await until(leftAt);
  }
  await written;
  to.end();
}

async function write(to: Socket, chunk: Buffer): Promise<void> {
  if (to.destroyed) throw new Error("the other side is gone");
  if (to.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    to.on("drain", done).on("close", done);
  });
}

async function until(moment: number): Promise<void> {
  const left = moment - performance.now();
  if (left > 0) await sleep(left);
}
