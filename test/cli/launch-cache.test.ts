import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { engineConnection, type EngineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { type EngineStore, engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { type FakeEngine, startFakeEngine } from "../fakes/engine.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { runPhase } from "./run-phase.ts";

// A container engine gives one layer by saving the whole image; the launch cache spares that.
let builder: Fixture;
let engine: FakeEngine;
let connection: EngineConnection;
let store: EngineStore;
const app = "app.test/app";
const at = (path: string): string => join(builder.dir, path);

beforeEach(async () => {
  builder = fixture();
  engine = await startFakeEngine();
  connection = engineConnection({ kind: "unix", path: engine.socket });
  for (const name of ["home", "saved", "launch-cache"]) mkdirSync(at(name));
  store = engineStore({ engine: connection, directory: () => at("saved") });
  await store.write(testImage({ layers: [tarOfNoise(600, 1)] }), [parseReference("app.test/run")]);
  builder.write("launcher", "launcher");
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
  // A launch layer that the second build does not make again.
  const layer = `[ -e "$1/l.toml" ] || { mkdir -p "$1/l"; date +%N > "$1/l/time"; }
printf "[types]\\nlaunch = true\\n" > "$1/l.toml"; echo "{}" > "$1/l.sbom.cdx.json"`;
  builder.add({ id: "a", keys: 'sbom-formats = ["application/vnd.cyclonedx+json"]', build: layer });
});
afterEach(async () => {
  await connection.close();
  await engine.close();
  builder.remove();
});

const saves = (): number => engine.requests.filter((line) => line.includes("/get")).length;

async function build(flags: readonly string[]): Promise<string> {
  rmSync(at("layers"), { recursive: true });
  mkdirSync(at("layers"));
  let said = "";
  const env = { DOCKER_HOST: `unix://${engine.socket}`, CNB_USE_DAEMON: "true" };
  for (const [name, ...argv] of [
    ["analyzer", "-run-image", "app.test/run", ...flags, app],
    ["detector"],
    ["restorer"],
    ["builder"],
    ["exporter", ...flags, "-launcher", at("launcher"), "-uid", "1000", "-gid", "1000", app],
  ] as const) {
    const { code, output } = await runPhase(builder, name, argv, { env });
    said += output;
    expect([name, code], said).toEqual([name, 0]);
  }
  return said;
}

const diffIds = async () => (await (await store.resolve(parseReference(app)))?.config())?.value.rootfs.diff_ids;

test("what the analyzer and the exporter need of the previous image comes from the launch cache", async () => {
  const flags = ["-launch-cache", at("launch-cache")];
  await build(flags);
  const before = await diffIds();
  const said = await build(flags);
  expect(said).toContain("Restoring data for SBOM from previous image");
  expect(said).toContain("Reusing layer 'a:l'");
  expect(await diffIds()).toEqual(before);
  expect(existsSync(at("layers/sbom/launch/a/l/sbom.cdx.json"))).toBe(true);
  expect(saves()).toBe(0);
});

test("a damaged launch cache costs time only: the engine has the layers, and they are mended", async () => {
  const flags = ["-launch-cache", at("launch-cache")];
  await build(flags);
  const before = await diffIds();
  const committed = at("launch-cache/committed");
  const tars = readdirSync(committed).filter((name) => name.endsWith(".tar"));
  for (const name of tars) writeFileSync(join(committed, name), "damaged");
  await build(flags);
  expect(await diffIds()).toEqual(before);
  expect(saves()).toBeGreaterThan(0);
  const asked = saves();
  await build(flags);
  expect(saves()).toBe(asked);
});

test("without one the engine saves the image", async () => {
  await build([]);
  await build([]);
  expect(saves()).toBeGreaterThan(0);
});
