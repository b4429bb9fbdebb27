import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { type FakeEngine, startFakeEngine } from "../fakes/engine.ts";
import { makeScriptedBuilder, scriptedApp, scriptedBuilder, storeContext } from "./scripted-builder.ts";
import { buildJson, leftovers, type Person, removeAll, scratchDirectory, self } from "./tspack.ts";

const name = "only.engine.invalid/run:1";
let person: Person;
let directory = "";
let engine: FakeEngine;

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("engine-run-image");
  await makeScriptedBuilder(person, join(directory, "builder"));
  engine = await startFakeEngine();
  const run = await layoutStore(join(person.home, "data/images")).resolve(parseReference("tspack.local/run:bookworm"));
  if (run === undefined) throw new Error("there is no default run image");
  const connection = engineConnection({ kind: "unix", path: engine.socket });
  await engineStore({ engine: connection, directory: () => directory }).write(run, [parseReference(name)], {
    ctx: storeContext,
  });
  await connection.close();
});
afterAll(async () => {
  await engine.close();
  removeAll(directory);
});

describe("a run image that only a container engine has", () => {
  it("is built upon in the sandbox, with layers that are compressed as everywhere", async () => {
    const app = scriptedApp(join(directory, "app"), {
      build: `printf '[[processes]]\\ntype = "web"\\ncommand = ["true"]\\n' > "$CNB_LAYERS_DIR/launch.toml"\n`,
    });
    const args = ["e2e/engine-run", "--path", app, "--builder", scriptedBuilder, "--runner", "sandbox"];
    const env = { DOCKER_HOST: `unix://${engine.socket}` };
    await buildJson(person, [...args, "--run-image", name], { env });
    const store = layoutStore(join(person.home, "data/images"));
    const [built, run] = await Promise.all(
      ["e2e/engine-run", "tspack.local/run:bookworm"].map((each) => store.resolve(parseReference(each))),
    );
    const layers = (await built?.manifest())?.value.layers ?? [];
    expect(layers.map(({ mediaType }) => mediaType.endsWith("gzip"))).not.toContain(false);
    const diffIds = (await built?.config())?.value.rootfs.diff_ids ?? [];
    const below = (await run?.config())?.value.rootfs.diff_ids ?? ["none"];
    expect(diffIds.slice(0, below.length)).toEqual(below);
    expect(leftovers(person)).toEqual([]);
  });
});
