import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuildEvent } from "../../lifecycle/platform/events.ts";
import {
  environment,
  follow,
  leftovers,
  needs,
  packageFile,
  type Person,
  removeAll,
  type Running,
  scratchDirectory,
  self,
  succeed,
} from "./tspack.ts";

const tools = needs("git", "bwrap");

/** What the service answered. */
interface Answer {
  readonly status: number;
  readonly events: readonly BuildEvent[];
  readonly text: string;
}

describe.skipIf(tools.skip)(`samples/paas-worker${tools.note}`, () => {
  let person: Person;
  let directory = "";
  let worker: Running;
  let port = 0;

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("paas");
    const service = join(directory, "worker");
    cpSync(packageFile("samples/paas-worker"), service, { recursive: true });
    mkdirSync(join(service, "node_modules"));
    symlinkSync(packageFile("."), join(service, "node_modules/tspack"));
    for (const name of ["one", "two"]) repository(name);
    const env = { ...environment(person), PORT: "0", REPOSITORIES: `file://${directory}/`, PARALLEL: "2" };
    worker = follow(spawn(process.execPath, ["worker.js"], { cwd: service, env, stdio: ["ignore", "pipe", "pipe"] }));
    await worker.says(/listening on \d+\n/);
    port = Number(/listening on (\d+)/.exec(worker.output().stdout)?.[1]);
  });
  afterAll(async () => {
    stop(worker.child);
    await worker.done;
    removeAll(directory);
  });

  /** A repository with an application that names itself. */
  function repository(name: string): void {
    const path = join(directory, name);
    cpSync(packageFile("samples/node-hello"), path, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as object;
    writeFileSync(join(path, "package.json"), JSON.stringify({ ...manifest, name }));
    const git = (...args: readonly string[]): void =>
      void execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: path });
    git("init", "--quiet", "--initial-branch", "main");
    git("add", ".");
    git("commit", "--quiet", "--message", name);
  }

  function ask(name: string, from: string, signal?: AbortSignal): Promise<Answer> {
    const query = new URLSearchParams({ repository: from });
    return new Promise((resolve, reject) => {
      const sent = request(
        { port, method: "POST", path: `/builds/${name}?${query.toString()}`, signal },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.once("error", reject);
          response.once("end", () => {
            const lines = text.trim().split("\n");
            const events = lines.map((line) => JSON.parse(line) as BuildEvent);
            resolve({ status: response.statusCode ?? 0, events, text });
          });
        },
      );
      sent.once("error", reject);
      sent.end();
    });
  }

  it("builds two repositories at once and streams what happens in each", async () => {
    const names = ["one", "two"];
    const answers = await Promise.all(names.map((name) => ask(name, `file://${directory}/${name}#main`)));
    for (const [index, { status, events }] of answers.entries()) {
      expect(status).toBe(200);
      expect(events.map(({ type }) => type)).toEqual(
        expect.arrayContaining(["started", "phase-started", "output", "phase-finished", "layer", "finished"]),
      );
      // Each stream is of its own build alone.
      expect(events.filter(({ type }) => type === "started")).toMatchObject([{ image: names[index] }]);
      expect(events.at(-1)).toMatchObject({ type: "finished", image: names[index], names: [`${names[index]}:latest`] });
    }
    const [first, second] = answers.map(({ events }) => events);
    // They overlap: the second began before the first ended.
    expect((second?.[0]?.time ?? "") < (first?.at(-1)?.time ?? "")).toBe(true);
    expect((first?.[0]?.time ?? "") < (second?.at(-1)?.time ?? "")).toBe(true);
    for (const name of names) {
      const { stdout } = await succeed(person, ["inspect", "--json", name]);
      expect(JSON.parse(stdout)).toMatchObject({ image: name });
    }
    expect(leftovers(person)).toEqual([]);
  });

  it("says why a build failed, as the last event", async () => {
    const { status, events } = await ask("three", `file://${directory}/missing`);
    expect(status).toBe(200);
    expect(events.at(-1)).toMatchObject({ type: "failed", code: "GIT_FAILED" });
  });

  it("ends a build when nobody listens any more, and nothing of it stays", async () => {
    const aborter = new AbortController();
    const answer = ask("four", `file://${directory}/one`, aborter.signal);
    setTimeout(() => aborter.abort(), 300);
    await expect(answer).rejects.toThrow(/abort/i);
    await worker.says("four: canceled");
    expect(leftovers(person)).toEqual([]);
  });

  it.each([
    ["four", "file:///etc/passwd", 403],
    ["four", "https://example.com/a", 403],
    ["Not%20A%20Name", "file:///x", 404],
  ])("refuses %s of %s", async (name, from, status) => {
    expect((await ask(name, from)).status).toBe(status);
  });
});

function stop(child: ChildProcess): void {
  child.kill("SIGTERM");
}
