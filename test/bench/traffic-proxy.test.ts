import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { NetworkLink } from "./network-link.ts";
import { startTrafficProxy, type TrafficProxy, type TrafficProxyOptions } from "./traffic-proxy.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that answers with the number of bytes it got, behind the proxy. */
async function behindProxy(options: Omit<TrafficProxyOptions, "target"> = {}): Promise<TrafficProxy> {
  const server: Server = createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    if (request.headers["x-close"] !== undefined) response.setHeader("connection", "close");
    request.on("end", () => response.end(String(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await startTrafficProxy({
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...options,
  });
  closing.push(proxy.close, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return proxy;
}

async function send({ host }: TrafficProxy, body: Buffer): Promise<string> {
  return (await fetch(`http://${host}/blob`, { method: "PUT", body: new Uint8Array(body) })).text();
}

test("data that follows data waits for the rate, and all of it for the delay", () => {
  const link = new NetworkLink({ delay: 20, bitRate: 8000 });
  expect(link.carry(10, 100)).toEqual({ leftAt: 110, arrivesAt: 130 });
  expect(link.carry(5, 100)).toEqual({ leftAt: 115, arrivesAt: 135 });
  expect(link.carry(1, 1000)).toEqual({ leftAt: 1001, arrivesAt: 1021 });
});

test("counts requests and bytes of each direction since the last reset, and changes none", async () => {
  const proxy = await behindProxy();
  const body = Buffer.from("PUT /not/a/request HTTP/1.1\r\n".repeat(10_000));
  expect(await send(proxy, body)).toBe(String(body.length));
  expect(await send(proxy, Buffer.from("second"))).toBe("6");
  expect(proxy.read().sentBytes).toBeGreaterThan(body.length);
  expect(proxy.read().receivedBytes).toBeGreaterThan(0);
  proxy.reset();
  await send(proxy, Buffer.from("third"));
  expect(proxy.read()).toMatchObject({ requests: 1 });
  expect(proxy.read().sentBytes).toBeLessThan(1000);
});

test("an answer arrives whole when the server closes the connection behind it", async () => {
  const proxy = await behindProxy({ speed: { delay: 20, bitRate: 8_000_000 } });
  const answer = await fetch(`http://${proxy.host}/blob`, {
    method: "POST",
    body: "12345",
    headers: { "x-close": "yes" },
  });
  expect(await answer.text()).toBe("5");
});

test("a request takes the way there and back, the first of a connection twice, and bytes take their time", async () => {
  const proxy = await behindProxy({ speed: { delay: 30, bitRate: 8_000_000 } });
  const timed = async (bytes: number): Promise<number> => {
    const began = performance.now();
    await send(proxy, Buffer.alloc(bytes));
    return performance.now() - began;
  };
  expect(await timed(1)).toBeGreaterThanOrEqual(118);
  // 200 kB are 200 ms.
  const large = await timed(200_000);
  expect(large).toBeGreaterThanOrEqual(258);
  expect(large).toBeLessThan(2000);
});
