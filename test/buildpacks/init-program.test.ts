import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileInit, type Declared, InitProcess, sh, writeConfiguration } from "./init-process.ts";
import { skipWithout } from "./require-tools.ts";

const tools = skipWithout("cc", "sh", "sleep");
// Sleeps are short, because a shell handles its signals when the program that it waits for ends.
const forever = "while :; do sleep 0.05; done";

describe.skipIf(tools.skip).concurrent(`the program init${tools.note}`, () => {
  let directory: string;
  let program: string;
  let number = 0;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tspack-init-"));
    program = join(directory, "init");
    await compileInit("cc", program);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function start(
    processes: Readonly<Record<string, Declared>>,
    env: Readonly<Record<string, string>> = {},
    input = "",
  ): InitProcess {
    const file = join(directory, `processes-${++number}`);
    writeConfiguration(file, processes);
    return new InitProcess(program, [file], env, input);
  }
  const main = (script: string): { readonly main: Declared } => ({ main: { policy: "main", command: sh(script) } });

  it.each([
    ["exit 7", 7],
    ["kill -KILL $$", 137],
    ["exit 0", 0],
  ])("ends as the main process: %s", async (script, code) => {
    expect(await start(main(script)).ended).toEqual({ code, output: "" });
  });

  it("adopts what loses its parent, and reaps it", async () => {
    const init = start(main(`(sleep 0.2 & echo "orphan $!"); echo adopted; ${forever}`));
    const orphan = (await init.until(/orphan (\d+)\n[^]*adopted/))[1] ?? "";
    expect(readFileSync(`/proc/${orphan}/stat`, "utf8").split(" ")[3]).toBe(`${init.pid}`);
    while (existsSync(`/proc/${orphan}`) && readFileSync(`/proc/${orphan}/stat`, "utf8").split(" ")[2] !== "Z")
      await sleep(20);
    await sleep(50);
    expect(existsSync(`/proc/${orphan}`)).toBe(false);
    init.kill("SIGTERM");
    expect((await init.ended).code).toBe(143);
  });

  it("hands every signal on to every process, whose streams are its own", async () => {
    const echo = (who: string): string =>
      ["HUP", "USR1", "USR2", "WINCH"].map((one) => `trap 'echo ${who} ${one}' ${one}; `).join("") +
      `trap 'echo ${who} TERM; exit 3' TERM; echo ${who} up; ${forever}`;
    const init = start({ side: { policy: "always", command: sh(echo("side")) }, ...main(echo("main")) });
    await init.until(/main up/);
    await init.until(/side up/);
    for (const signal of ["HUP", "USR1", "USR2", "WINCH", "TERM"]) {
      init.kill(`SIG${signal}` as NodeJS.Signals);
      await init.until(new RegExp(`main ${signal}\n`));
      await init.until(new RegExp(`side ${signal}\n`));
    }
    const { code, output } = await init.ended;
    expect(code).toBe(3);
    expect(output).not.toContain("init:");
  });

  it.each(["SIGINT", "SIGQUIT"] as const)("ends all by %s", async (signal) => {
    const up = `echo up; ${forever}`;
    const init = start({ side: { policy: "always", command: sh(`echo side; ${forever}`) }, ...main(up) });
    await init.until(/up/);
    await init.until(/side/);
    init.kill(signal);
    expect((await init.ended).code).toBe(signal === "SIGINT" ? 130 : 131);
  });

  it("kills what has not ended after the time of grace, with all that belongs to it", async () => {
    const init = start(main(`trap '' TERM; sleep 30 & echo "up $!"; ${forever}`), { INIT_GRACE: "1" });
    const left = (await init.until(/up (\d+)/))[1] ?? "";
    const before = Date.now();
    init.kill("SIGTERM");
    const { code, output } = await init.ended;
    expect(code).toBe(137);
    expect(output).toContain("init: main: did not end within 1 s, killed\n");
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000);
    expect(existsSync(`/proc/${left}`)).toBe(false);
  });

  it("tells the others to end when the main process has ended, and waits for them", async () => {
    const up = join(directory, "side-up");
    const side = { policy: "always", command: sh(`trap 'echo bye; exit 0' TERM; >${up}; ${forever}`) } as const;
    const init = start({ side, ...main(`until [ -e ${up} ]; do sleep 0.05; done; sleep 30 & echo "left $!"; exit 5`) });
    const { code, output } = await init.ended;
    expect(code).toBe(5);
    expect(output).toContain("bye\n");
    expect(existsSync(`/proc/${/left (\d+)/.exec(output)?.[1]}`)).toBe(false);
  });

  it("gives standard input to the main process alone", async () => {
    const read = join(directory, "side-read");
    const side = { policy: "never", command: sh(`cat; echo side read all; >${read}`) } as const;
    const init = start({ side, ...main(`until [ -e ${read} ]; do sleep 0.05; done; cat`) }, {}, "for main\n");
    const { output } = await init.ended;
    expect(output).toContain("side read all\n");
    expect(output.indexOf("for main")).toBeGreaterThan(output.indexOf("side read all"));
  });

  it("starts a side process that ends too often again and again, each time later, and the main one goes on", async () => {
    const side = { policy: "on-failure", command: sh("exit 1") } as const;
    const init = start({ side, ...main(`trap 'exit 0' TERM; ${forever}`) }, { INIT_BACKOFF: "5" });
    await init.until(/(again in 0\.15 s\n[^]*){2}/);
    init.kill("SIGTERM");
    const { code, output } = await init.ended;
    expect(code).toBe(0);
    expect([...output.matchAll(/side: ended with status 1, again in ([\d.]+) s/g)].map((match) => match[1])).toEqual([
      "0.005",
      "0.01",
      "0.02",
      "0.04",
      "0.08",
      "0.15",
      "0.15",
    ]);
    expect(output.match(/ended 6 times in a row/g)).toHaveLength(1);
  });

  it("begins with the shortest wait again after a life that was long enough", async () => {
    const lives = join(directory, "lives");
    const script = `echo >>${lives}; if [ "$(wc -l <${lives})" = 3 ]; then sleep 0.2; fi; exit 1`;
    const side = { policy: "always", command: sh(script) } as const;
    const init = start({ side, ...main(forever) }, { INIT_BACKOFF: "3" });
    await init.until(/(again in [^]*){4}\n/);
    init.kill("SIGTERM");
    const waits = [...(await init.ended).output.matchAll(/again in ([\d.]+) s/g)].map((match) => match[1]);
    expect(waits.slice(0, 4)).toEqual(["0.003", "0.006", "0.003", "0.006"]);
  });

  it.each([
    ["never", "exit 4", "status 4"],
    ["on-failure", "exit 0", "status 0"],
    ["never", "kill -KILL $$", "signal 9"],
  ] as const)("does not start it again: %s, %s", async (policy, script, how) => {
    const init = start({ side: { policy, command: sh(script) }, ...main("sleep 0.15") }, { INIT_BACKOFF: "1" });
    expect(await init.ended).toEqual({ code: 0, output: `init: side: ended with ${how}\n` });
  });

  it.each([
    ["a name and one of main, always", "process web\n", 1],
    ["a name and one of main, always", "process web sometimes\n", 1],
    ["another name, and one main process", "process a main\narg a\nprocess b main\n", 3],
    ['a line "process" first', "# comment\n\narg a\n", 3],
    ["process, arg, port, path or timeout with a value", "process a main\nargs a\n", 2],
    ["process, arg, port, path or timeout with a value", "process a main\narg\n", 2],
    ["a port from 1 to 65535", "process a main\nport 65536\n", 2],
    ["a port from 1 to 65535", "process a main\nport 0\n", 2],
    ["seconds from 1 to 86400", "process a main\ntimeout 1s\n", 2],
    ["\\n or \\\\ after a backslash", "process a main\narg \\t\n", 2],
    ['a line "arg" for every process', "process a main\n", 1],
    ["a port to ask for the path", "process a main\narg a\npath /\n", 3],
    ["one main process", "process a always\narg a\n", 2],
    ["one main process", "", 0],
  ])("refuses a configuration without %s: %j", async (expected, text, line) => {
    const file = join(directory, `refused-${++number}`);
    writeFileSync(file, text);
    const { code, output } = await new InitProcess(program, [file]).ended;
    expect(code).toBe(125);
    expect(output).toContain(`init: ${file}:${line}: expected ${expected}`);
  });

  it.each([
    ["no configuration", [], {}, "expected one argument"],
    ["a configuration that is not there", ["/nowhere"], {}, "/nowhere can not be read: No such file"],
  ])("refuses %s", async (_name, args, env, message) => {
    const { code, output } = await new InitProcess(program, args, env).ended;
    expect(code).toBe(125);
    expect(output).toContain(message);
  });

  it.each([
    ["INIT_GRACE", "soon"],
    ["INIT_GRACE", "86401"],
    ["INIT_BACKOFF", "0"],
  ])("refuses %s=%s", async (name, value) => {
    const { code, output } = await start(main("echo started"), { [name]: value }).ended;
    expect(code).toBe(125);
    expect(output).toMatch(new RegExp(`^init: ${name}: expected .*, found "${value}"\n$`));
  });

  it("starts nothing more when a program is missing or no program", async () => {
    const missing = { policy: "always", command: ["/nowhere/worker"] } as const;
    expect(await start({ missing, ...main("echo started") }).ended).toEqual({
      code: 127,
      output: "init: missing: /nowhere/worker can not be run: No such file or directory\n",
    });
    const text = { policy: "main", command: [join(directory, "init.txt")] } as const;
    writeFileSync(join(directory, "init.txt"), "no program");
    const { code, output } = await start({ text }).ended;
    expect(code).toBe(126);
    expect(output).toContain("can not be run: Permission denied\n");
  });

  it("keeps arguments as they are", async () => {
    const command = ["printf", "%s|", "two\nlines", "\\n", "", " x "];
    expect(await start({ main: { policy: "main", command } }).ended).toEqual({
      code: 0,
      output: "two\nlines|\\n|| x |",
    });
  });

  describe("readiness", () => {
    const servers: Server[] = [];
    afterAll(() => {
      for (const server of servers) server.close();
    });

    /** A port of 127.0.0.1 where something answers with these, the last one for ever. */
    async function answering(
      ...statuses: readonly number[]
    ): Promise<{ readonly port: number; readonly asked: string[] }> {
      const asked: string[] = [];
      const server = createServer(({ method, url }, response) => {
        asked.push(`${method} ${url}`);
        response.writeHead(statuses[Math.min(asked.length, statuses.length) - 1] ?? 500).end();
      });
      servers.push(server);
      await once(server.listen(0, "127.0.0.1"), "listening");
      return { port: (server.address() as AddressInfo).port, asked };
    }
    const side = (...more: readonly string[]): { readonly side: Declared } => ({
      side: { policy: "always", command: sh(`echo side up; ${forever}`), more },
    });

    it("waits until the port is open, and starts processes in their order", async () => {
      const { port } = await answering();
      const server = servers.at(-1);
      server?.close();
      const init = start({ ...main("echo main up"), ...side(`port ${port}`) });
      await init.until(/side up/);
      await sleep(250);
      expect(init.output).toBe("side up\n");
      server?.listen(port, "127.0.0.1");
      expect(await init.ended).toEqual({ code: 0, output: "side up\nmain up\n" });
    });

    it("waits until the path answers with 200", async () => {
      const { port, asked } = await answering(503, 404, 200);
      const init = start({ ...side(`port ${port}`, "path /health?deep=1"), ...main("echo main up") });
      expect((await init.ended).output).toBe("side up\nmain up\n");
      expect(asked).toEqual(Array<string>(3).fill("GET /health?deep=1"));
    });

    it("ends when nothing answers in time, without the main process", async () => {
      const { port } = await answering(500);
      const init = start({ ...side(`port ${port}`, "path /", "timeout 1"), ...main("echo main up") });
      expect(await init.ended).toEqual({
        code: 125,
        output: `side up\ninit: side: not ready after 1 s: GET / on port ${port} does not answer with 200\n`,
      });
    });

    it("ends when a process ended for good before it was ready", async () => {
      const { port } = await answering(500);
      const gone = { policy: "on-failure", command: sh("exit 0"), more: [`port ${port}`, "path /"] } as const;
      const { code, output } = await start({ gone, ...main("echo main up") }).ended;
      expect(code).toBe(125);
      expect(output).toBe("init: gone: ended with status 0\ninit: gone: ended before it was ready\n");
    });

    it("can be told to end while it waits", async () => {
      const { port } = await answering(500);
      const init = start({ ...side(`port ${port}`, "path /"), ...main("echo main up") });
      await init.until(/side up/);
      init.kill("SIGTERM");
      expect(await init.ended).toEqual({ code: 143, output: "side up\n" });
    });
  });
});
