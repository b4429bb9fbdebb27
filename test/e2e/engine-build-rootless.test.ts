import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { canStartEngine, startRootlessPodman } from "./docker-engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder } from "./scripted-builder.ts";
import { buildJson, needs, removeAll, scratchDirectory, self } from "./tspack.ts";

const { skip, note } = needs("podman", "newuidmap", "unshare", "setpriv");
// Podman asks for the name of its user.
const hasUser = /^[^:]+:[^:]*:1000:/m.test(readFileSync("/etc/passwd", "utf8"));

const canRun = !skip && hasUser && canStartEngine("podman");
describe.skipIf(!canRun)(`an ordinary user's Podman (needs root to become user 1000, who has to exist)${note}`, () => {
  it("builds the image that the sandbox builds, in five containers, in one, and with phases outside", async () => {
    const person = await self();
    const directory = scratchDirectory("rootless");
    const engine = await startRootlessPodman();
    if (engine === undefined) throw new Error("no rootless Podman can be started here");
    try {
      await makeScriptedBuilder(person, join(directory, "builder"));
      const build = `printf '[[processes]]\\ntype = "web"\\ncommand = ["ls"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"`;
      const app = scriptedApp(join(directory, "app"), { build });
      // A network of its own takes /dev/net/tun, which a test machine may keep for itself.
      const args = ["--path", app, "--builder", scriptedBuilder, "--network", "host"];
      const env = { DOCKER_HOST: `unix://${engine.socket}` };
      const inEngine = [...args, "--output", "engine"];
      const sandbox = await buildJson(person, ["e2e/rootless-sandbox", ...args, "--runner", "sandbox"]);
      const outside = await buildJson(person, ["e2e/rootless", ...args, "--runner", "engine"], { env });
      expect(outside.digest).toBe(sandbox.digest);
      const five = await buildJson(person, ["e2e/rootless", ...inEngine], { env });
      const creator = await buildJson(person, ["e2e/rootless-creator", ...inEngine, "--trust-builder"], { env });
      expect(creator.digest).toBe(five.digest);
      const connection = engineConnection({ kind: "unix", path: engine.socket });
      const containers = await connection.json({ method: "GET", path: "/containers/json?all=1" });
      await connection.close();
      expect(containers).toEqual([]);
    } finally {
      await engine.close();
      removeAll(directory);
    }
  });
});
