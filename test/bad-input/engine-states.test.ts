import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFakeEngine } from "../fakes/engine.ts";
import { type Fixture, fixture } from "./fixture.ts";

/** Where an engine is asked for, with a builder and images that are there. */
const commands: readonly (readonly string[])[] = [
  ["build", "app", "--path", "app", "--builder", "builder", "--runner", "engine", "--output", "engine"],
  ["build", "app", "--path", "app", "--builder", "builder", "--runner", "engine"],
  ["build", "app", "--path", "app", "--builder", "builder", "--runner", "sandbox", "--output", "engine"],
  ["rebase", "hello", "--output", "engine"],
];

interface Engine {
  readonly socket: string;
  readonly close: () => Promise<void>;
}

/** Something that is no engine listens there. */
async function somethingElse(): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), "no-engine-"));
  const server = createServer((_request, response) => response.writeHead(200).end("<html>hello</html>"));
  const socket = join(directory, "docker.sock");
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

const answers = (status: number, message: string) => () =>
  startFakeEngine({ before: () => ({ status, body: JSON.stringify({ message }) }) });

const states: readonly (readonly [name: string, start: () => Promise<Engine>, says: RegExp])[] = [
  ["is too old", () => startFakeEngine({ version: "1.20" }), /1\.20/],
  ["refuses", answers(403, "access denied by a plugin"), /403|access denied/],
  ["fails", answers(500, "no space left"), /500|no space left/],
  ["is none", somethingElse, /docker\.sock/],
];

describe.each(states)("an engine that %s", (_name, start, says) => {
  let engine: Engine;
  let person: Fixture;
  beforeAll(async () => {
    engine = await start();
    person = await fixture({ DOCKER_HOST: `unix://${engine.socket}` });
  });
  afterAll(async () => {
    await person.close();
    await engine.close();
  });

  test.each(commands.map((args) => [args.join(" "), args] as const))("ends %s with a way out", async (_line, args) => {
    const before = person.files();
    const { code, stdout, stderr } = await person.run(args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error ENGINE_(ERROR|UNREACHABLE): /m);
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/^hint: /m);
    expect(person.files()).toEqual(before);
  });
});
