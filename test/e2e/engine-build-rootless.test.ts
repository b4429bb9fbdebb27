import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { canStartEngine, startRootlessPodman, type TestEngine } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { buildJson, leftovers, needs, type Person, removeAll, scratchDirectory, self, startTspack } from "./tspack.ts";

const { skip, note } = needs("podman", "newuidmap", "unshare", "setpriv");
// Podman asks for the name of its user.
const hasUser = /^[^:]+:[^:]*:1000:/m.test(readFileSync("/etc/passwd", "utf8"));

const canRun = !skip && hasUser && canStartEngine("podman");
describe.skipIf(!canRun)(`an ordinary user's Podman (needs root to become user 1000, who has to exist)${note}`, () => {
  let person: Person;
  let directory = "";
  let engine: TestEngine;
  // A network of its own takes /dev/net/tun, which a test machine may keep for itself.
  const options = ["--builder", scriptedBuilder, "--network", "host"];
  const env = (): Readonly<Record<string, string>> => ({ DOCKER_HOST: `unix://${engine.socket}` });
  const ask = async (path: string): Promise<unknown> => {
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      return await connection.json({ method: "GET", path });
    } finally {
      await connection.close();
    }
  };

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("rootless");
    await makeScriptedBuilder(person, join(directory, "builder"));
    const started = await startRootlessPodman();
    if (started === undefined) throw new Error("no rootless Podman can be started here");
    engine = started;
  });
  afterAll(async () => {
    await engine?.close();
    removeAll(directory);
  });

  it("builds the image that the sandbox builds, in five containers, in one, and with phases outside", async () => {
    const build = `printf '[[processes]]\\ntype = "web"\\ncommand = ["ls"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"`;
    const args = ["--path", scriptedApp(join(directory, "app"), { build }), ...options];
    const inEngine = [...args, "--output", "engine"];
    const sandbox = await buildJson(person, ["e2e/rootless-sandbox", ...args, "--runner", "sandbox"]);
    const outside = await buildJson(person, ["e2e/rootless", ...args, "--runner", "engine"], { env: env() });
    expect(outside.digest).toBe(sandbox.digest);
    const five = await buildJson(person, ["e2e/rootless", ...inEngine], { env: env() });
    const creator = await buildJson(person, ["e2e/rootless-creator", ...inEngine, "--trust-builder"], { env: env() });
    expect(creator.digest).toBe(five.digest);
    expect(await ask("/containers/json?all=1")).toEqual([]);
  });

  it.each([
    ["in five containers", ["--output", "engine"]],
    ["in the creator", ["--output", "engine", "--trust-builder"]],
    ["with the phases outside", ["--runner", "engine"]],
  ] as const)("leaves nothing after Ctrl-C %s", async (_how, how) => {
    const slow = scriptedApp(join(directory, "slow"), { build: "trap '' INT TERM; echo sleeping; sleep 600" });
    const running = startTspack(person, ["build", "e2e/slow", "--path", slow, ...options, ...how], { env: env() });
    await running.says("sleeping");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(/Canceled\.\n$/);
    expect(await ask("/containers/json?all=1")).toEqual([]);
    const { Volumes: volumes } = (await ask("/volumes")) as { readonly Volumes: readonly { Name: string }[] | null };
    expect((volumes ?? []).filter(({ Name }) => !Name.startsWith("pack-cache-"))).toEqual([]);
    const networks = (await ask("/networks")) as readonly { readonly Name: string }[];
    expect(networks.filter(({ Name }) => Name.includes("tspack"))).toEqual([]);
    expect(leftovers(person)).toEqual([]);
  });
});
