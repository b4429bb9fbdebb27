import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { errorCode, InputError } from "../../../lifecycle/errors.ts";
import { type Publication, publishPorts } from "../../../lifecycle/platform/run/publish-ports.ts";

const opened: (Server | Publication)[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

async function listen(port: number, host: string, on: (socket: Socket) => void = () => {}): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, on).listen(port, host);
  opened.push(server);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function freePort(): Promise<number> {
  const port = await listen(0, "127.0.0.1");
  const server = opened.pop();
  server?.close();
  return port;
}

async function publish(...ports: Parameters<typeof publishPorts>[0]): Promise<readonly string[]> {
  const publication = await publishPorts(ports);
  opened.push(publication);
  return publication.lines;
}

/** All that comes, without closing the other direction as iterating would. */
async function read(socket: Socket): Promise<string> {
  let said = "";
  socket.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(socket, "end");
  return said;
}

const issuesOf = (error: unknown): readonly string[] =>
  error instanceof InputError ? [error.code, ...error.issues.map(({ expected }) => expected)] : [String(error)];

const hostPort = (line = ""): number => Number(/:(\d+) ->/.exec(line)?.[1]);

// CI has IPv6: there a missing address is a failure.
const hasIpv6 = process.env["CI"] !== undefined || networkInterfaces()["lo"]?.some(({ family }) => family === "IPv6");
const loopbacks = ["127.0.0.1", ...(hasIpv6 === true ? ["::1"] : [])];

describe("published ports", () => {
  test.each(loopbacks)("hand bytes on in both directions to %s, each until its own end", async (host) => {
    const container = await freePort();
    const [line] = await publish({ address: "127.0.0.1", host: 0, container });
    expect(line).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+ -> ${container}$`));
    await listen(container, host, (socket) => {
      // It answers only when all was said: the end of one direction is not that of the other.
      void read(socket).then((said) => socket.end(said.toUpperCase()));
    });
    const client = connect({ port: hostPort(line), host: "127.0.0.1", allowHalfOpen: true });
    const large = "x".repeat(3_000_000);
    client.end(large);
    expect((await read(client)) === large.toUpperCase()).toBe(true);
  });

  test("close connections while nobody listens inside, and all of them at the end", async () => {
    const container = await freePort();
    const [line] = await publish({ address: "127.0.0.1", host: 0, container });
    const early = connect(hostPort(line), "127.0.0.1");
    expect(await once(early, "close").catch((error: unknown) => errorCode(error))).toBe("ECONNRESET");
    await listen(container, "127.0.0.1", (socket) => socket.on("error", () => {}).write("hello"));
    const late = connect(hostPort(line), "127.0.0.1");
    late.on("error", () => {});
    expect(String((await once(late, "data"))[0])).toBe("hello");
    opened.splice(0, 1)[0]?.close();
    expect(late.closed).toBe(false);
    await once(late, "close").catch(() => {});
    expect(late.closed).toBe(true);
  });

  test("need nobody else on the machine's port or the application's", async () => {
    const [busy, free] = [await listen(0, "127.0.0.1"), await freePort()];
    const nobody = "a port that nobody listens on";
    const same = publish({ address: undefined, host: busy, container: busy });
    expect(await same.catch(issuesOf)).toEqual(["INVALID_ARGUMENTS", nobody]);
    const host = publish({ address: "127.0.0.1", host: busy, container: free });
    expect(await host.catch(issuesOf)).toEqual(["INVALID_ARGUMENTS", nobody]);
    const inside = publish({ address: "127.0.0.1", host: 0, container: busy });
    expect(await inside.catch(issuesOf)).toEqual(["INVALID_ARGUMENTS", nobody]);
    // What could be opened beside a port that could not is closed again.
    await listen(free, "127.0.0.1");
  });

  test("need an address of this machine, and a port of the application that it may have", async () => {
    const free = await freePort();
    const elsewhere = publish({ address: "192.0.2.1", host: 0, container: free });
    expect(await elsewhere.catch(issuesOf)).toEqual(["INVALID_ARGUMENTS", "an address of this machine"]);
  });

  test("that are the same on both sides stay free for the application", async () => {
    const port = await freePort();
    expect(await publish({ address: undefined, host: port, container: port })).toEqual([`*:${port} -> ${port}`]);
    expect(await listen(port, "0.0.0.0")).toBe(port);
  });
});
