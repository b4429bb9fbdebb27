import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { type Environment, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "jq", "node");

/**
 * Stands in for npm and pnpm, which a test of the shell around them needs no more of: an installation makes
 * node_modules with one package beside each package.json, a run makes what the script's text says.
 */
const MANAGER = `#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$1" in
  --version) echo 1.0.0 ;;
  ci | install)
    if [ -f outdated ]; then echo "ERR_PNPM_OUTDATED_LOCKFILE npm error code EUSAGE" >&2; exit 1; fi
    for directory in . packages/*; do
      [ -f "$directory/package.json" ] || continue
      mkdir -p "$directory/node_modules/dep/.bin" && echo 1 >"$directory/node_modules/dep/index.js"
    done
    [ ! -d packages/lib ] || ln -sfn ../packages/lib node_modules/lib ;;
  run) sh -c "$(jq -r --arg name "$2" '.scripts[$name]' package.json)" ;;
esac
`;

describe.skipIf(tools.skip)(`installation with npm and pnpm${tools.note}`, () => {
  let workspace: Workspace;
  let calls: string;
  beforeEach(() => {
    workspace = new Workspace();
    calls = join(workspace.root, "calls");
    mkdirSync(join(workspace.root, "bin"));
    for (const name of ["npm", "pnpm"]) {
      writeFileSync(join(workspace.root, "bin", name), MANAGER);
      chmodSync(join(workspace.root, "bin", name), 0o755);
    }
  });
  afterEach(() => {
    workspace.remove();
  });

  const build = (id: string, env: Environment = {}) => {
    writeFileSync(calls, "");
    const PATH = `${join(workspace.root, "bin")}:${process.env["PATH"] ?? ""}`;
    return workspace.build(id, [], { PATH, CALLS: calls, ...env });
  };
  const called = () => readFileSync(calls, "utf8").match(/^p?npm (ci|install|run \w+|prune)/gm) ?? [];
  const layer = (id: string, path: string) => join(workspace.layers(id), path);
  /** As before a second build: sources without what a build made, of launch layers only metadata. */
  const nextBuild = (id: string) => {
    for (const path of ["node_modules", ".next", "packages/lib/node_modules", "packages/web/node_modules"])
      rmSync(join(workspace.app, path), { recursive: true, force: true });
    rmSync(layer(id, "modules"), { recursive: true, force: true });
  };

  it("refuses lock files of two managers, and tells how to choose", async () => {
    workspace.write("package.json", { dependencies: { dep: "1" } });
    workspace.write("package-lock.json", { packages: {} });
    workspace.write("yarn.lock", "");
    const outcome = await build("npm-install");
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("lock files of several package managers: package-lock.json, yarn.lock");
    expect(outcome.output).toContain('"packageManager": "npm@<version>"');

    workspace.write("package.json", { dependencies: { dep: "1" }, packageManager: "npm@1.0.0" });
    const declared = await build("npm-install");
    expect(declared).toMatchObject({ code: 0 });
    expect(declared.output).toContain("yarn.lock: not used, because package.json names npm");
  });

  it("refuses the lock file of another manager than the declared one", async () => {
    workspace.write("package.json", { dependencies: { dep: "1" }, packageManager: "pnpm@1.0.0" });
    workspace.write("yarn.lock", "");
    const outcome = await build("pnpm-install");
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("package.json names pnpm as package manager, but the lock file is yarn.lock");
  });

  it.each([
    ["npm-install", "package-lock.json", '{"packages": {"": {}}}', "npm install --package-lock-only"],
    ["pnpm-install", "pnpm-lock.yaml", "lockfileVersion: '9.0'\n", "pnpm install --lockfile-only"],
  ])(
    "%s: a lock that contradicts package.json is named with the difference and the remedy",
    async (id, file, lock, remedy) => {
      workspace.write("package.json", { dependencies: { dep: "^2" } });
      workspace.write(file, lock);
      workspace.write("outdated", "");
      const outcome = await build(id);
      expect(outcome.code).toBe(1);
      expect(outcome.output).toContain(
        `${file} does not fit package.json: package.json:1 wants dep "^2", the lock has none\nhint: run "${remedy}" and commit`,
      );
      expect(existsSync(layer(id, "modules.toml"))).toBe(false);
    },
  );

  it("names the line of a merge conflict in a lock", async () => {
    workspace.write("package.json", { dependencies: { dep: "1" } });
    workspace.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n<<<<<<< ours\n");
    const outcome = await build("pnpm-install");
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("pnpm-lock.yaml:2: there is a merge conflict");
  });

  it("runs the scripts that BP_NODE_RUN_SCRIPTS names, and refuses one that is not there", async () => {
    workspace.write("package.json", {
      dependencies: { dep: "1" },
      scripts: { one: "true", two: "true", build: "false" },
    });
    workspace.write("package-lock.json", { packages: {} });
    expect(await build("npm-install", { BP_NODE_RUN_SCRIPTS: "two, one" })).toMatchObject({ code: 0 });
    expect(called()).toEqual(["npm ci", "npm run two", "npm run one"]);

    expect(await build("npm-install", { BP_NODE_RUN_SCRIPTS: "" })).toMatchObject({ code: 0 });
    expect(called()).toEqual([]);

    const outcome = await build("npm-install", { BP_NODE_RUN_SCRIPTS: "three" });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain('the script "three", which package.json has not');
    expect(outcome.output).toContain("build, one, two");
  });

  it("mirrors node_modules of each workspace in the layer, and links them again without an installation", async () => {
    const prepare = () => {
      workspace.write("package.json", { private: true });
      workspace.write("pnpm-workspace.yaml", "packages:\n  - packages/*\n");
      workspace.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
      workspace.write("packages/lib/package.json", { dependencies: { dep: "1" } });
      workspace.write("packages/web/package.json", { dependencies: { dep: "1" } });
    };
    prepare();
    const env = { BP_NODE_PROJECT_PATH: "packages/web" };
    expect(await build("pnpm-install", env)).toMatchObject({ code: 0 });
    const places = ["node_modules", "packages/lib/node_modules", "packages/web/node_modules"];
    for (const place of places) expect(existsSync(layer("pnpm-install", `modules/${place}/dep/index.js`))).toBe(true);
    expect(readlinkSync(layer("pnpm-install", "modules/node_modules/lib"))).toBe(join(workspace.app, "packages/lib"));
    expect(readFileSync(layer("pnpm-install", "modules/env.launch/PATH.prepend"), "utf8")).not.toBe("");

    nextBuild("pnpm-install");
    const second = await build("pnpm-install", env);
    expect(second.output).toContain("Reusing cached node_modules: lock unchanged");
    expect(called()).toEqual([]);
    for (const place of places) {
      expect(readlinkSync(join(workspace.app, place))).toBe(layer("pnpm-install", `modules/${place}`));
    }

    nextBuild("pnpm-install");
    workspace.write("packages/lib/package.json", { dependencies: { dep: "2" } });
    await build("pnpm-install", env);
    expect(called()).toEqual(["pnpm install"]);
  });

  it("keeps what build tools remember in a layer of its own, and out of the application", async () => {
    workspace.write("package-lock.json", { packages: {} });
    const script = "mkdir -p .next/cache; cat .next/cache/known || true; echo remembered >.next/cache/known";
    workspace.write("package.json", { dependencies: { dep: "1" }, scripts: { build: script, start: "node ." } });
    const first = await build("npm-install");
    expect(first.output).not.toContain("\nremembered\n");
    expect(existsSync(join(workspace.app, ".next/cache"))).toBe(false);
    expect(workspace.toml("npm-install", "build_cache.toml")).toEqual({ types: { cache: true } });

    nextBuild("npm-install");
    const second = await build("npm-install");
    expect(second.output).toContain("Reusing .next/cache of the last build");
    expect(second.output).toContain("\nremembered\n");
    expect(second.output).toContain("Reusing cached packages for the build script: lock unchanged");
  });

  it("keeps node_modules out of an image whose server has its own packages", async () => {
    workspace.write("package-lock.json", { packages: {} });
    const script = "mkdir -p .next/standalone && touch .next/standalone/server.js";
    workspace.write("package.json", { dependencies: { dep: "1" }, scripts: { build: script, start: "next start" } });
    const first = await build("npm-install");
    expect(first.output).toContain("node_modules stays out of the image: .next/standalone");
    expect(existsSync(layer("npm-install", "modules.toml"))).toBe(false);
    expect(existsSync(join(workspace.app, "node_modules"))).toBe(false);
    for (const format of ["cdx", "spdx"]) {
      expect(existsSync(layer("npm-install", `launch.sbom.${format}.json`))).toBe(true);
    }

    nextBuild("npm-install");
    const second = await build("npm-install");
    expect(second.output).toContain("Reusing cached packages for the build script: lock unchanged");
    expect(called()).toEqual(["npm run build"]);
  });
});

describe.skipIf(tools.skip)(`which package manager an application has${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });
  const passing = async (env: Environment = {}) => {
    const ids = ["npm-install", "pnpm-install", "yarn-install"];
    const outcomes = await Promise.all(ids.map(async (id) => ({ id, code: (await workspace.detect(id, env)).code })));
    return outcomes.filter(({ code }) => code === 0).map(({ id }) => id);
  };

  it.each([
    [{}, [], "npm-install"],
    [{}, ["package-lock.json"], "npm-install"],
    [{}, ["pnpm-lock.yaml"], "pnpm-install"],
    [{}, ["yarn.lock"], "yarn-install"],
    [{ packageManager: "pnpm@10.0.0" }, [], "pnpm-install"],
    [{ packageManager: "yarn@4.0.0+sha512.00" }, ["package-lock.json"], "yarn-install"],
    [{ devEngines: { packageManager: { name: "pnpm" } } }, [], "pnpm-install"],
    [{}, ["package-lock.json", "yarn.lock"], "npm-install"],
  ])("%j with %j is for %s alone", async (fields, locks, id) => {
    workspace.write("package.json", { dependencies: { dep: "1" }, ...fields });
    for (const lock of locks) workspace.write(lock, "");
    expect(await passing()).toEqual([id]);
  });

  it.each([[{ packageManager: "bun@1.0.0" }, []] as const, [{}, ["bun.lock"]] as const])(
    "%j with %j is for none of them",
    async (fields, locks) => {
      workspace.write("package.json", { dependencies: { dep: "1" }, ...fields });
      for (const lock of locks) workspace.write(lock, "");
      expect(await passing()).toEqual([]);
    },
  );

  it("finds the lock of the workspace around the project", async () => {
    workspace.write("package.json", { private: true });
    workspace.write("pnpm-lock.yaml", "");
    workspace.write("apps/web/package.json", {});
    expect(await passing({ BP_NODE_PROJECT_PATH: "apps/web" })).toEqual(["pnpm-install"]);
  });

  it("tells where package.json is when it is not at the top", async () => {
    workspace.write("apps/web/package.json", {});
    const outcome = await workspace.detect("nodejs");
    expect(outcome.code).toBe(100);
    expect(outcome.output).toContain("there is apps/web/package.json: BP_NODE_PROJECT_PATH=apps/web builds that");
    expect((await workspace.detect("nodejs", { BP_NODE_PROJECT_PATH: "apps/web" })).code).toBe(0);
  });
});

describe.skipIf(tools.skip)(`processes of npm-start${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });
  const processes = async (env: Environment = {}) => {
    expect(await workspace.build("npm-start", [], env)).toMatchObject({ code: 0 });
    return workspace.toml("npm-start", "launch.toml")["processes"];
  };

  it("starts a workspace in its directory", async () => {
    workspace.write("apps/web/package.json", { scripts: { start: "node server.js" } });
    expect(await processes({ BP_NODE_PROJECT_PATH: "apps/web" })).toEqual([
      { type: "web", command: ["node", "server.js"], default: true, "working-dir": join(workspace.app, "apps/web") },
    ]);
  });

  it("starts the standalone server of Next.js with the public files beside it", async () => {
    workspace.write("package.json", { scripts: { start: "next start" } });
    workspace.write(".next/standalone/apps/web/server.js", "");
    workspace.write(".next/static/chunk.js", "");
    workspace.write("public/leaf.svg", "");
    expect(await processes()).toEqual([
      { type: "web", command: ["node", ".next/standalone/apps/web/server.js"], default: true },
    ]);
    const beside = join(workspace.app, ".next/standalone/apps/web");
    expect(lstatSync(join(beside, ".next/static/chunk.js")).isFile()).toBe(true);
    expect(lstatSync(join(beside, "public/leaf.svg")).isFile()).toBe(true);
  });

  it("has a process for tests in images for tests only", async () => {
    workspace.write("package.json", { scripts: { start: "node .", test: "node --test" } });
    const tests = { type: "test", command: ["sh", "-c", "node --test"], default: false, "exec-env": ["test"] };
    expect(await processes({ CNB_EXEC_ENV: "test" })).toContainEqual(tests);
    expect(await processes()).not.toContainEqual(expect.objectContaining({ type: "test" }));
  });
});
