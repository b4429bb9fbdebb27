import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, buildpackFolders, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "jq");

describe.skipIf(tools.skip)(`bin/detect of the buildpacks${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  it.each([
    ["nodejs", "no package.json, .node-version or .nvmrc"],
    ["npm-install", "no package.json"],
    ["npm-start", "no package.json"],
    ["procfile", "no Procfile"],
  ])("%s declines an empty application in one line", async (id, reason) => {
    const outcome = await workspace.detect(id);
    expect(outcome).toMatchObject({ code: 100, output: `${reason}\n` });
  });

  it.each(["npm-install", "npm-start"])("%s fails, not declines, on a package.json with a syntax error", async (id) => {
    workspace.write("package.json", "{");
    const outcome = await workspace.detect(id);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("package.json is not valid JSON");
  });

  it("nodejs offers each selection of package managers, the largest first, and requires node for a package.json", async () => {
    workspace.write("package.json", {});
    const { code, plan } = await workspace.detect("nodejs");
    expect(code).toBe(0);
    const { or, ...first } = plan as { or: readonly object[] };
    const alternative = (...names: readonly string[]) => ({
      provides: ["node", ...names].map((name) => ({ name })),
      requires: [{ name: "node" }],
    });
    expect(first).toEqual(alternative("npm", "pnpm", "yarn"));
    expect(or).toHaveLength(7);
    expect(or).toContainEqual(alternative("pnpm"));
    expect(or.at(-1)).toEqual(alternative());
  });

  it("nodejs only offers node for an application that merely pins a version", async () => {
    workspace.write(".nvmrc", "22\n");
    const { code, plan } = await workspace.detect("nodejs");
    expect(code).toBe(0);
    expect(plan["requires"]).toBeUndefined();
    expect((plan["or"] as readonly object[]).at(-1)).toEqual({ provides: [{ name: "node" }] });
  });

  it.each([
    [{}, 100],
    [{ dependencies: {} }, 100],
    [{ dependencies: { a: "1" } }, 0],
    [{ devDependencies: { a: "1" } }, 0],
    [{ workspaces: ["packages/*"] }, 0],
    [{ scripts: { build: "make" } }, 0],
    [{ scripts: { start: "node ." } }, 100],
  ])("npm-install on %j exits with %i", async (packageJson, code) => {
    workspace.write("package.json", packageJson);
    expect((await workspace.detect("npm-install")).code).toBe(code);
  });

  it("npm-install leaves another package manager's lock alone", async () => {
    workspace.write("package.json", { dependencies: { a: "1" } });
    workspace.write("yarn.lock", "");
    const outcome = await workspace.detect("npm-install");
    expect(outcome).toMatchObject({ code: 100 });
    expect(outcome.output).toContain("yarn.lock");
  });

  it("npm-install requires node and npm", async () => {
    workspace.write("package.json", { dependencies: { a: "1" } });
    const { plan } = await workspace.detect("npm-install");
    expect(plan["requires"]).toEqual([
      { name: "node_modules" },
      { name: "node", metadata: { build: true } },
      { name: "npm", metadata: { build: true } },
    ]);
  });

  it.each([
    [{ scripts: { start: "node x" } }, [], 0],
    [{ main: "lib/app" }, ["lib/app.js"], 0],
    [{}, ["server.js"], 0],
    // Nothing to start with, and nobody else to give a process: bin/build says so.
    [{ main: "lib/app" }, [], 0],
    [{}, [], 0],
    [{}, ["vite.config.ts"], 0],
    [{}, ["Procfile"], 100],
    [{ scripts: { build: "vite build" } }, ["vite.config.ts"], 100],
  ])("npm-start on %j with %j exits with %i", async (packageJson, files, code) => {
    workspace.write("package.json", packageJson);
    for (const file of files) workspace.write(file, "");
    expect((await workspace.detect("npm-start")).code).toBe(code);
  });

  it.each(["build.gradle", "build.gradle.kts", "settings.gradle"])(
    "maven says that %s is not supported, and what is possible instead",
    async (file) => {
      workspace.write(file, "");
      const { code, output } = await workspace.detect("maven");
      expect(code).toBe(1);
      expect(output).toMatch(new RegExp(`^ERROR: ${file}: Gradle is not supported yet.*\\nhint: .*gradlew.*--path`));
      workspace.write("pom.xml", "");
      expect(await workspace.detect("maven")).toMatchObject({ code: 0 });
    },
  );

  it.each<readonly [string, Readonly<Record<string, string>>]>([
    ["[io.tspack.static]\nroot = 'public'\n", {}],
    ["[[io.tspack.init.processes]]\nname = 'web'\n", {}],
    ["", { BP_WEB_SERVER: "nginx" }],
    ["", { BP_INIT_PROCESSES: "web worker" }],
    ["", { BP_NODE_START: "false" }],
    ["", { CNB_EXEC_ENV: "test" }],
  ])("npm-start leaves the process to others: project.toml %j, variables %j", async (project, env) => {
    workspace.write("package.json", {});
    workspace.write("project.toml", project);
    expect(await workspace.detect("npm-start", env)).toMatchObject({ code: 100 });
  });
});

describe("the default order", () => {
  const builder = parse(readFileSync(`${buildpackDirectory(".")}/builder.toml`, "utf8")) as unknown as {
    readonly buildpacks: readonly { readonly uri: string }[];
    readonly order: readonly { readonly group: readonly { readonly id: string; readonly version: string }[] }[];
  };

  it("names every buildpack of this folder", () => {
    expect(builder.buildpacks.map(({ uri }) => uri).toSorted()).toEqual(buildpackFolders().toSorted());
  });

  const read = (id: string): Composite =>
    parse(
      readFileSync(`${buildpackDirectory(id.replace("tspack/", ""))}/buildpack.toml`, "utf8"),
    ) as unknown as Composite;

  it("names the versions that the buildpacks have", () => {
    const orders = [builder, ...composites.map(read)].flatMap(({ order = [] }) => order);
    expect(orders.length).toBeGreaterThan(composites.length);
    for (const { id, version } of orders.flatMap(({ group }) => group))
      expect(read(id).buildpack).toMatchObject({ id, version });
  });

  it("is that of the composite of all languages, which every package.toml completes", () => {
    expect(builder.order).toEqual([{ group: [{ id: "tspack/apps", version: "0.1.0" }] }]);
    for (const id of composites) {
      const named = read(id).order?.flatMap(({ group }) => group.map((entry) => entry.id.replace("tspack/", "../")));
      const file = parse(readFileSync(`${buildpackDirectory(id)}/package.toml`, "utf8"));
      expect(file["dependencies"]).toEqual(named?.map((uri) => ({ uri })));
    }
  });
});

const composites = ["apps", "nodejs-apps", "python-apps", "go-apps", "java-apps", "static-apps", "procfile-apps"];

interface Composite {
  readonly buildpack: object;
  readonly order?: readonly { readonly group: readonly { readonly id: string; readonly version: string }[] }[];
}
