import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { openEngine } from "../../../lifecycle/platform/engine/open-engine.ts";
import { openSession, type SessionContainer } from "../../../lifecycle/platform/engine/session.ts";
import { openSshTunnel } from "../../../lifecycle/platform/engine/ssh.ts";
import { engineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import { startFakeEngine } from "../../fakes/engine.ts";

const container: SessionContainer = {
  image: "i",
  command: ["/p"],
  env: {},
  user: "0:0",
  binds: [],
  network: "none",
  confined: true,
};

function answersTo(path: string): { readonly status: number; readonly body: string } | undefined {
  if (path.startsWith("DELETE")) return { status: path.includes("volumes") ? 409 : 204, body: '{"message":"in use"}' };
  if (path.includes("/containers/create?name=tspack-broken"))
    return { status: 500, body: '{"message":"made it and fell over"}' };
  if (path.startsWith("POST")) return { status: 201, body: '{"Id":"id"}' };
  return undefined;
}

describe("what a build makes in an engine", () => {
  test("goes at the end, newest first, even what was made without an answer and after Ctrl-C", async () => {
    const engine = await startFakeEngine({ before: answersTo });
    const stop = new AbortController();
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const ctx = { logger, progress: silentProgress, clock: () => new Date(), signal: stop.signal };
    const connection = engineConnection({ kind: "unix", path: engine.socket }, stop.signal);
    const session = openSession(connection, ctx);
    const network = await session.network();
    const volume = await session.volume("layers");
    await session.container("detector", container);
    await expect(session.container("broken", container)).rejects.toMatchObject({ code: "ENGINE_ERROR" });
    stop.abort();
    await expect(session.volume("late")).rejects.toMatchObject({ code: "CANCELED" });
    await session.close();
    const removed = engine.requests.filter((line) => line.startsWith("DELETE"));
    expect(removed).toEqual([
      expect.stringMatching(/^DELETE \/containers\/tspack-broken-\w+\?force=1&v=1$/),
      expect.stringMatching(/^DELETE \/containers\/tspack-detector-\w+\?force=1&v=1$/),
      `DELETE /volumes/${volume}?force=1`,
      `DELETE /networks/${network}`,
    ]);
    expect(warnings).toEqual([expect.stringContaining(volume)]);
    await session.close();
    expect(engine.requests.filter((line) => line.startsWith("DELETE"))).toHaveLength(removed.length);
    await connection.close();
    await engine.close();
  });
});

describe("opening an engine", () => {
  const { signal } = new AbortController();

  test("that is too old is refused with what to do", async () => {
    const engine = await startFakeEngine({ version: "1.30" });
    const attempt = openEngine({ DOCKER_HOST: `unix://${engine.socket}` }, signal);
    await expect(attempt).rejects.toMatchObject({ code: "ENGINE_ERROR", hint: expect.stringContaining("sandbox") });
    await engine.close();
  });

  test("that is not there says who named it", async () => {
    const attempt = openEngine({ DOCKER_HOST: "unix:///nowhere.sock" }, signal);
    await expect(attempt).rejects.toMatchObject({
      code: "ENGINE_UNREACHABLE",
      message: expect.stringContaining("env DOCKER_HOST"),
    });
  });

  test("through ssh talks to the engine there, in several connections, and ends with it", async () => {
    const engine = await startFakeEngine();
    const directory = mkdtempSync(join(tmpdir(), "ssh-"));
    const program = join(directory, "ssh");
    const code = `const s=require("net").connect(${JSON.stringify(engine.socket)});process.stdin.pipe(s);s.pipe(process.stdout)`;
    writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} -e '${code}'\n`, { mode: 0o755 });
    const endpoint = { kind: "ssh", user: undefined, host: "there", port: undefined, socket: undefined } as const;
    const tunnel = await openSshTunnel(endpoint, program);
    const connection = engineConnection({ kind: "unix", path: tunnel.socket });
    expect(await connection.keepOpen()).toBe("1.41");
    await connection.close();
    await tunnel.close();
    await engine.close();
    rmSync(directory, { recursive: true });
  });

  test("through ssh that fails repeats what ssh said", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ssh-"));
    const program = join(directory, "ssh");
    writeFileSync(program, "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n", { mode: 0o755 });
    const endpoint = { kind: "ssh", user: "ada", host: "there", port: undefined, socket: undefined } as const;
    const tunnel = await openSshTunnel(endpoint, program);
    const connection = engineConnection({ kind: "unix", path: tunnel.socket });
    await expect(connection.keepOpen()).rejects.toMatchObject({ code: "ENGINE_UNREACHABLE" });
    await connection.close();
    await tunnel.close();
    expect(tunnel.complaint()).toBe("Permission denied (publickey).");
    rmSync(directory, { recursive: true });
  });
});

describe("an engine that answers and will not be used", () => {
  const { signal } = new AbortController();

  test.each([
    [403, '{"message":"not for you"}', "let this user in"],
    [401, "Unauthorized", "let this user in"],
    [400, "Client sent an HTTP request to an HTTPS server.", "DOCKER_TLS_VERIFY=1"],
    [500, '{"message":"broken"}', undefined],
  ])("with %i is said with what it said, where it is, and what to do", async (status, body, hint) => {
    const engine = await startFakeEngine({ before: () => ({ status, body }) });
    const error: unknown = await openEngine({ DOCKER_HOST: `unix://${engine.socket}` }, signal).catch(
      (caught: unknown) => caught,
    );
    await engine.close();
    expect(error).toMatchObject({ code: "ENGINE_ERROR", message: expect.stringContaining(`answered ${status}`) });
    if (hint === undefined) return;
    const message: unknown = expect.stringContaining(`at unix://${engine.socket} (named by env DOCKER_HOST)`);
    expect(error).toMatchObject({ hint: expect.stringContaining(hint), message });
  });

  test.skipIf(process.getuid?.() !== 0)("because its socket is not for this user says so (needs root)", async () => {
    const engine = await startFakeEngine();
    chmodSync(engine.socket, 0o600);
    chmodSync(join(engine.socket, ".."), 0o755);
    // Root is let in everywhere, until it acts as somebody else.
    process.seteuid?.(1000);
    try {
      await expect(openEngine({ DOCKER_HOST: `unix://${engine.socket}` }, signal)).rejects.toMatchObject({
        code: "ENGINE_UNREACHABLE",
        message: expect.stringContaining("EACCES"),
        hint: expect.stringContaining("run as a user who may"),
      });
    } finally {
      process.seteuid?.(0);
    }
    await engine.close();
  });
});
