import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeRegistry, startFakeRegistry } from "../buildpacks/fake-registry.ts";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { type Outcome, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "jq", "node", "npm");
const WRONG = `sha512-${Buffer.alloc(64, 1).toString("base64")}`;
const DOWN = "http://127.0.0.1:9";

/** A package.json of several lines, so that the number of a line says something. */
const manifest = (dependencies: object, rest: object = {}): string =>
  JSON.stringify({ name: "app", version: "1.0.0", dependencies, ...rest }, null, 2);

const lock = (registry: string, integrity: string): string =>
  JSON.stringify(
    {
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: {
        "": { name: "app", version: "1.0.0", dependencies: { dep: "1" } },
        "node_modules/dep": { version: "1.0.0", resolved: `${registry}/dep/-/dep-1.0.0.tgz`, integrity },
      },
    },
    null,
    2,
  );

describe.skipIf(tools.skip)(`what npm-install says when npm itself fails${tools.note}`, () => {
  let registry: FakeRegistry;
  let workspace: Workspace;
  beforeAll(async () => {
    const files = (name: string) => ({ "package.json": JSON.stringify({ name, version: "1.0.0" }), "index.js": "" });
    registry = await startFakeRegistry({
      dep: { "1.0.0": { files: files("dep") } },
      modern: { "1.0.0": { files: files("modern"), engines: { node: ">=99" } } },
    });
  });
  afterAll(() => registry.close());
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  const build = (url: string): Promise<Outcome> =>
    workspace.build("npm-install", [], {
      PATH: process.env["PATH"] ?? "",
      NPM_CONFIG_REGISTRY: url,
      npm_config_fetch_retries: "0",
    });
  /** Layers that the lifecycle would keep: those with a file of metadata. */
  const layers = (): readonly string[] =>
    readdirSync(workspace.layers("npm-install")).filter((name) => name.endsWith(".toml") && name !== "store.toml");

  it("a hash that is not the lock's: the line of the lock, both hashes, and nothing is kept", async () => {
    workspace.write("package.json", manifest({ dep: "1" }));
    workspace.write("package-lock.json", lock(registry.url, WRONG));
    const outcome = await build(registry.url);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(
      `ERROR: package-lock.json:16: dep does not match its hash: expected ${WRONG}, got sha512-`,
    );
    expect(outcome.output).toContain('on purpose: "npm install --package-lock-only"');
    expect(layers()).toEqual([]);
    expect(existsSync(join(workspace.app, "node_modules/dep/index.js"))).toBe(false);
  });

  it("no version that satisfies: the line of package.json", async () => {
    workspace.write("package.json", manifest({ dep: "^9" }));
    const outcome = await build(registry.url);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain('ERROR: package.json:5: no version of dep satisfies "^9"\nhint: choose a version');
    expect(layers()).toEqual([]);
  });

  it("a registry that is down: its variable and what else may be the reason", async () => {
    workspace.write("package.json", manifest({ dep: "1" }));
    const outcome = await build(DOWN);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("ERROR: the registry of npm packages could not be reached: ECONNREFUSED\nhint: ");
    expect(outcome.output).toContain("NPM_CONFIG_REGISTRY");
    expect(layers()).toEqual([]);
  });

  it("a package for another Node.js, where .npmrc is strict about that", async () => {
    workspace.write("package.json", manifest({ modern: "1" }));
    workspace.write(".npmrc", "engine-strict=true\n");
    const outcome = await build(registry.url);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toMatch(
      /ERROR: package\.json:5: modern@1\.0\.0 does not work with the Node\.js of this build: expected >=99, found \d/,
    );
    expect(outcome.output).toContain("hint: ask for such a Node.js in engines.node of package.json");
  });

  it("a framework that refuses this Node.js in the build script: the script's line, and which setting helps", async () => {
    const says = "console.error('Node.js version >=99.0.0 is required.'); process.exit(1)";
    workspace.write("build.js", says);
    workspace.write("package.json", manifest({ dep: "1" }, { scripts: { build: "node build.js" } }));
    const outcome = await build(registry.url);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("ERROR: package.json:8: the build script of package.json failed with exit code 1");
    expect(outcome.output).toMatch(/hint: it wants another Node\.js than v\d+.*engines\.node of package\.json/);
    expect(layers()).toEqual([]);
  });
});
