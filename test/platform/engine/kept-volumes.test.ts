import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheLabels } from "../../../lifecycle/platform/engine/cache-volumes.ts";
import { noteUse } from "../../../lifecycle/platform/engine/kept-volumes.ts";
import { placesFrom } from "../../../lifecycle/platform/places.ts";
import { runTspack } from "../../../lifecycle/cli/run-tspack.ts";
import { type FakeEngine, type FakeEngineOptions, startFakeEngine } from "../../fakes/engine.ts";

const key = "0123456789abcdef";
let home = "";
let engine: FakeEngine | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "kept-volumes-"));
  mkdirSync(join(home, "config"));
  writeFileSync(join(home, "config/volume-key"), `${key}\n`);
});
afterEach(async () => {
  await engine?.close();
  engine = undefined;
  rmSync(home, { recursive: true });
});

async function tspack(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const said = { stdout: "", stderr: "" };
  const code = await runTspack({
    argv,
    env: { TSPACK_HOME: home, HOME: home, ...env },
    cwd: home,
    uid: 1000,
    packageRoot: "/nowhere",
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    terminal: false,
    color: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

const old = "2020-01-02T03:04:05Z";
const named = (name: string, labels: object | null, size?: number) => ({
  Name: name,
  CreatedAt: old,
  Labels: labels,
  ...(size === undefined ? {} : { UsageData: { Size: size, RefCount: 0 } }),
});

async function start(options: FakeEngineOptions["before"] = () => undefined): Promise<string> {
  const volumes = [
    named("pack-cache-app_latest-aaaaaaaaaaaa.build", cacheLabels(key), 2_000_000),
    named("pack-cache-app_latest-aaaaaaaaaaaa.launch", cacheLabels(key), -1),
    named("pack-cache-other_latest-bbbbbbbbbbbb.build", cacheLabels("another key"), 5),
    named("pack-cache-pack_latest-cccccccccccc.build", null, 5),
  ];
  engine = await startFakeEngine({
    before: (line) => {
      const own = options(line);
      if (own !== undefined) return own;
      const answer = (value: object) => ({ status: 200, body: JSON.stringify(value) });
      if (line.startsWith("GET /version")) return answer({ Version: "27.0", Os: "linux", Arch: "amd64" });
      if (line.startsWith("GET /system/df")) return answer({ Volumes: volumes });
      if (line.startsWith("GET /volumes")) return answer({ Volumes: volumes });
      return line.startsWith("DELETE") ? { status: 204, body: "" } : undefined;
    },
  });
  return engine.socket;
}

const deleted = () => (engine?.requests ?? []).filter((line) => line.startsWith("DELETE"));

test("cache list shows this person's volumes of the engine, with sizes where the engine tells", async () => {
  const socket = await start();
  const { code, stdout } = await tspack(["cache", "list", "--json"], { DOCKER_HOST: `unix://${socket}` });
  expect(code).toBe(0);
  const at = `Docker 27.0 at unix://${socket}`;
  const used = new Date(old).toISOString();
  expect(JSON.parse(stdout)).toEqual([
    { kind: "volume", name: "pack-cache-app_latest-aaaaaaaaaaaa.build", engine: at, bytes: 2_000_000, used },
    { kind: "volume", name: "pack-cache-app_latest-aaaaaaaaaaaa.launch", engine: at, bytes: null, used },
  ]);
  const table = (await tspack(["cache", "list", "--docker-host", socket], {})).stdout;
  expect(table).toMatch(/volume +2\.0 MB .*pack-cache-app_latest-aaaaaaaaaaaa\.build/);
  expect(table).toMatch(/volume +\? .*pack-cache-app_latest-aaaaaaaaaaaa\.launch/);
  expect(deleted()).toEqual([]);
});

test("cache prune removes those that no build used for long, and tells which would go", async () => {
  const env = { DOCKER_HOST: `unix://${await start()}` };
  await noteUse(placesFrom({ TSPACK_HOME: home }), "pack-cache-app_latest-aaaaaaaaaaaa.launch");
  expect((await tspack(["cache", "prune", "--dry-run"], env)).stdout).toContain("Would free 2.0 MB");
  expect((await tspack(["cache", "prune", "--only", "build"], env)).code).toBe(0);
  expect(deleted()).toEqual([]);
  const { stdout } = await tspack(["cache", "prune", "--json"], env);
  expect(JSON.parse(stdout)).toMatchObject({ removed: [{ name: "pack-cache-app_latest-aaaaaaaaaaaa.build" }] });
  expect(deleted()).toEqual(["DELETE /volumes/pack-cache-app_latest-aaaaaaaaaaaa.build?force=1"]);
});

test("a volume of a running container stays, with a warning", async () => {
  const inUse = { status: 409, body: '{"message":"volume is in use"}' };
  const socket = await start((line) => (line.startsWith("DELETE") ? inUse : undefined));
  const { code, stdout, stderr } = await tspack(["cache", "prune", "--all"], { DOCKER_HOST: `unix://${socket}` });
  expect([code, stdout]).toEqual([0, "Freed 0 B\n"]);
  expect(stderr).toMatch(/aaaaaaaaaaaa\.build stays: .*volume is in use/);
});

test.each([
  ["says nothing where no engine is", {}, [], 0, /^$/],
  [
    "warns of one that is named and does not run",
    { DOCKER_HOST: "unix:///nowhere.sock" },
    [],
    0,
    /are left out: .*nowhere/,
  ],
  [
    "fails for one that is asked for",
    {},
    ["--docker-host", "/nowhere.sock"],
    1,
    /ENGINE_UNREACHABLE.*named by --docker-host/,
  ],
])("cache list %s", async (_says, env, args, expected, said) => {
  const { code, stderr } = await tspack(["cache", "list", ...args], { XDG_RUNTIME_DIR: "/nowhere", ...env });
  expect([code, stderr]).toEqual([expected, expect.stringMatching(said)]);
});
