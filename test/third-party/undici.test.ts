import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import * as whole from "undici";
import { expect, test } from "vitest";
import * as parts from "../../lifecycle/third-party/undici.ts";

const source = resolve(import.meta.dirname, "../../lifecycle/third-party/undici.ts");

test("the parts of undici that are imported by their paths are those of its index", () => {
  expect(Object.keys(parts).sort()).toEqual(["Agent", "Pool", "ProxyAgent"]);
  expect(parts.Agent).toBe(whole.Agent);
  expect(parts.Pool).toBe(whole.Pool);
  expect(parts.ProxyAgent).toBe(whole.ProxyAgent);
});

/** A process of its own, because here somebody may have loaded the index, which completes the parts. */
async function alone(code: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "tspack-undici-"));
  try {
    const outfile = join(directory, "program.cjs");
    const contents = `import { Agent, Pool, ProxyAgent } from ${JSON.stringify(source)};\n${code}`;
    const stdin = { contents, resolveDir: import.meta.dirname };
    await build({ stdin, outfile, bundle: true, platform: "node", format: "cjs" });
    expect(readFileSync(outfile, "utf8")).not.toContain("lib/web/websocket");
    const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
    return stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("without the index an agent, a pool and a tunnel through a proxy send requests", async () => {
  const tunnels: string[] = [];
  const server = createServer((request, response) => void response.end(`${request.method} ${request.url}`));
  const proxy = createServer().on("connect", ({ url = "" }, socket: Socket) => {
    tunnels.push(url);
    const [host, port] = url.split(":");
    const target = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
  });
  const [origin, uri] = [await listening(server), await listening(proxy)];
  try {
    const said = await alone(`
      const origin = ${JSON.stringify(origin)};
      const send = async (dispatcher, path) => {
        const { body } = await dispatcher.request({ origin, path, method: "PUT", body: "x" });
        console.log(await body.text());
        await dispatcher.destroy();
      };
      (async () => {
        await send(new Agent(), "/agent");
        await send(new Pool(origin), "/pool");
        await send(new ProxyAgent({ uri: ${JSON.stringify(uri)} }), "/tunnel");
      })();`);
    expect(said).toBe("PUT /agent\nPUT /pool\nPUT /tunnel\n");
    expect(tunnels).toEqual([new URL(origin).host]);
  } finally {
    server.close();
    proxy.close();
  }
});
