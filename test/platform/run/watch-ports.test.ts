import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Logger, silentLogger } from "../../../lifecycle/logger.ts";
import { watchPorts } from "../../../lifecycle/platform/run/watch-ports.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(host: string): Promise<number> {
  const server = createServer(() => connections.push(1)).listen(0, host);
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

const connections: number[] = [];

/** What is said of ports, all of it warnings. */
function recorder(): Logger & { readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  return { ...silentLogger, warn: (line) => void warnings.push(line), warnings };
}

test("a port that nothing listens on is named once, with what may help", async () => {
  const open = await listen("127.0.0.1");
  const closed = await listen("127.0.0.1");
  servers.pop()?.close();
  const logger = recorder();
  watchPorts([open, closed, closed], 20, logger);
  await sleep(100);
  expect(logger.warnings).toEqual([
    `nothing listens on port ${closed} of the application after 0 s`,
    expect.stringContaining(`-e PORT=${closed}`),
  ]);
  expect(connections).toEqual([]);
});

test("nothing is said when the application ended before", async () => {
  const closed = await listen("127.0.0.1");
  servers.pop()?.close();
  const logger = recorder();
  watchPorts([closed], 20, logger)();
  await sleep(60);
  expect(logger.warnings).toEqual([]);
});
