import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, freePort } from "./http.ts";
import {
  environment,
  type Finished,
  follow,
  leftovers,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  type StartOptions,
  tspack,
} from "./tspack.ts";

const image = "e2e/first";
let person: Person;
let directory = "";

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("run");
});
afterAll(() => {
  expect(leftovers(person)).toEqual([]);
  removeAll(directory);
});

const ways = [
  { sandbox: "bubblewrap", ...needs("bwrap") },
  { sandbox: "unshare", ...needs("unshare") },
] as const;

describe.each(ways)("an image that is run with $sandbox $note", ({ sandbox, skip }) => {
  const run = (args: readonly string[], options?: StartOptions): Promise<Finished> =>
    tspack(person, ["run", "--rm", "--sandbox", sandbox, ...args], { cwd: directory, ...options });
  const sh = (script: string, args: readonly string[] = [], options?: StartOptions): Promise<Finished> =>
    run([...args, "--entrypoint", "sh", image, "-c", script], options);
  const node = (script: string): ReturnType<typeof startTspack> =>
    startTspack(person, ["run", "--sandbox", sandbox, "--entrypoint", "launcher", image, "--", "node", "-e", script]);

  it.skipIf(skip)("ends with the status of its process", async () => {
    expect(await sh("echo out; echo err >&2; exit 7")).toMatchObject({
      code: 7,
      stdout: "out\n",
      stderr: expect.stringMatching(/^(Unpacking .*\n)?err\n$/),
    });
    expect((await sh("kill -TERM $$")).code).toBe(143);
  });

  it.skipIf(skip)("ends with 127, 126 or 125 when it was not started", async () => {
    expect((await run(["--entrypoint", "no-such-program", image])).code).toBe(127);
    expect((await run(["--entrypoint", "/etc/passwd", image])).code).toBe(126);
    expect((await run(["--user", "no-such-user", image])).code).toBe(125);
  });

  it.skipIf(skip).each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const)(
    "gets %s itself, and decides what it means",
    async (name) => {
      const running = node(
        `process.on("${name}", () => process.exit(42)); console.log("up"); setInterval(() => {}, 9)`,
      );
      await running.says("up\n");
      running.child.kill(name);
      expect((await running.done).code).toBe(42);
    },
  );

  it.skipIf(skip)("is killed by the third signal when it wants to stay", async () => {
    const running = node(`for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => console.log(name, "no"));
      console.log("up"); setInterval(() => {}, 9)`);
    await running.says("up\n");
    running.child.kill("SIGINT");
    await running.says("SIGINT no");
    running.child.kill("SIGTERM");
    await running.says("SIGTERM no");
    running.child.kill("SIGTERM");
    expect((await running.done).code).toBe(137);
  });

  it.skipIf(skip)("reads standard input with -i only", async () => {
    const input = Buffer.from("a line\n");
    expect((await sh("cat", ["-i"], { input })).stdout).toBe("a line\n");
    expect((await sh("cat", [], { input })).stdout).toBe("");
  });

  const script = needs("script");
  it.skipIf(skip || script.skip)(`has the terminal with -t, and all of it gets a Ctrl-C${script.note}`, async () => {
    const inside = "trap 'exit 9' INT; test -t 0 && test -t 2 && echo $TERM is here; sleep 20; echo no";
    const options = ["run", "-it", "--sandbox", sandbox, "--entrypoint", "sh", image, "-c", `"${inside}"`];
    // The shell between would end by Ctrl-C, too.
    const line = ["exec", process.execPath, packageFile("dist/tspack.js"), ...options].join(" ").replace("$", "\\$");
    const env = { ...environment(person), TERM: "vt100" };
    const child = spawn("script", ["-qec", line, "/dev/null"], { env, stdio: "pipe" });
    const running = follow(child);
    await running.says("vt100 is here");
    const began = performance.now();
    child.stdin.write("\x03");
    expect(await running.done).toMatchObject({ code: 9, stdout: expect.not.stringContaining("no\r") });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it.skipIf(skip)(
    "has variables of files, which --env replaces, the user and the directory that were asked for",
    async () => {
      writeFileSync(join(directory, "app.env"), "# comment\nA=file\nB=file\n");
      const args = ["--env-file", "app.env", "-e", "B=own", "-u", "33:44", "-w", "/made/for/it"];
      const { stdout } = await sh("echo $A $B $(id -u) $(id -g) $PWD; touch x && ls", args);
      expect(stdout).toBe("file own 33 44 /made/for/it\nx\n");
    },
  );

  it.skipIf(skip)("has volumes, also in its home, below its working directory and as single files", async () => {
    const data = join(directory, `data-${sandbox}`);
    mkdirSync(data);
    writeFileSync(join(data, "in"), "in\n");
    const volume = `./data-${sandbox}`;
    const args = [
      "-v",
      `${volume}:/workspace/data`,
      "-v",
      `${volume}/in:/home/cnb/a/in:ro`,
      "-v",
      `${volume}:/tmp/b:ro`,
    ];
    const { stdout, stderr } = await sh(
      "cat /workspace/data/in ~/a/in /tmp/b/in; echo out > data/out; test -f package.json && echo no > /tmp/b/no",
      args,
    );
    expect(stdout).toBe("in\nin\nin\n");
    expect(stderr).toMatch(/Read-only file system/);
    expect([readFileSync(join(data, "out"), "utf8"), existsSync(join(data, "no"))]).toEqual(["out\n", false]);
  });

  it.skipIf(skip)("is reached by published ports, also a free one", async () => {
    const [inside, outside] = [await freePort(), await freePort()];
    const ports = ["-p", `${outside}:${inside}`, "-p", `127.0.0.1::${inside}`];
    const running = startTspack(person, ["run", "--sandbox", sandbox, "-e", `PORT=${inside}`, ...ports, image]);
    try {
      await running.says(`Port *:${outside} -> ${inside}\n`);
      await running.says(`listening on port ${inside}`);
      expect(await ask(`http://127.0.0.1:${outside}/`, running.done)).toMatchObject({ status: 200 });
      const free = /Port 127\.0\.0\.1:(\d+) ->/.exec(running.output().stderr)?.[1];
      expect(await ask(`http://127.0.0.1:${free}/`, running.done)).toMatchObject({ status: 200 });
      const second = await run(["-p", `${outside}:${await freePort()}`, image]);
      expect([second.code, second.stderr]).toEqual([125, expect.stringContaining("that nobody listens on")]);
      running.child.kill("SIGINT");
      await running.done;
    } finally {
      running.child.kill("SIGKILL");
    }
    // Nobody listens there any more.
    const server = createServer().listen(outside);
    await once(server, "listening");
    server.close();
  });
});
