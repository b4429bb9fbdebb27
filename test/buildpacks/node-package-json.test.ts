import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { type Environment, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "jq");

/** Puts a jq before the real one that notes each start. */
function counting(workspace: Workspace): { readonly env: Environment; readonly starts: () => number } {
  const bin = join(workspace.root, "bin");
  const log = join(workspace.root, "jq.log");
  mkdirSync(bin);
  const real = execFileSync("sh", ["-c", "command -v jq"]).toString().trim();
  writeFileSync(join(bin, "jq"), `#!/bin/sh\necho >>'${log}'\nexec '${real}' "$@"\n`);
  chmodSync(join(bin, "jq"), 0o755);
  return {
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    starts: () => (existsSync(log) ? readFileSync(log, "utf8").length : 0),
  };
}

describe.skipIf(tools.skip)(`how buildpacks for Node.js read package.json${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  const command = (): unknown =>
    (workspace.toml("npm-start", "launch.toml")["processes"] as readonly { readonly command: unknown }[])[0]?.command;

  it.each([
    ["nodejs", 0],
    ["npm-install", 1],
    ["pnpm-install", 0],
    ["yarn-install", 0],
    ["npm-start", 1],
  ])("%s starts jq, which is slow to start, no more than %i times to detect", async (id, starts) => {
    workspace.write("package.json", { dependencies: { express: "5" }, scripts: { start: "node server.js" } });
    const jq = counting(workspace);
    await workspace.detect(id, jq.env);
    expect(jq.starts()).toBe(starts);
  });

  it("one start of jq tells what is to be done and whose it is", async () => {
    workspace.write("package.json", { packageManager: "pnpm@9", dependencies: { express: "5" } });
    const jq = counting(workspace);
    expect(await workspace.detect("pnpm-install", jq.env)).toMatchObject({ code: 0 });
    expect(jq.starts()).toBe(1);
  });

  it("variables of the environment are not taken for what was read", async () => {
    workspace.write("package.json", { dependencies: { express: "5" } });
    const env = { WORK: "0", READ_MANAGER: "yarn", READ_MAIN: "server.js", PACKAGE: "x" };
    expect(await workspace.detect("npm-install", env)).toMatchObject({ code: 0 });
    expect(await workspace.build("npm-start", [], env)).toMatchObject({ code: 1 });
  });

  it("a declaration with an escaped letter counts", async () => {
    workspace.write("package.json", '{"package\\u004danager": "pnpm@9", "dependencies": {"a": "1"}}');
    expect(await workspace.detect("pnpm-install")).toMatchObject({ code: 0 });
    expect(await workspace.detect("npm-install")).toMatchObject({ code: 100 });
  });

  it("npm-start starts jq once to build what needs no shell", async () => {
    workspace.write("package.json", { name: "app", scripts: { start: "node server.js" } });
    const jq = counting(workspace);
    expect(await workspace.build("npm-start", [], jq.env)).toMatchObject({ code: 0 });
    expect(jq.starts()).toBe(1);
    expect(command()).toEqual(["node", "server.js"]);
  });

  it.each([
    String.raw`echo "a\tb" 'c\\d' $HOME`,
    "first line\nsecond line",
    "tab\there, \r, \\n and \\c stay",
    "umlaut ä, quotes \" and ', \u007f",
  ])("a start script arrives as it is: %j", async (start) => {
    workspace.write("package.json", { scripts: { start } });
    expect(await workspace.build("npm-start")).toMatchObject({ code: 0 });
    expect(command()).toEqual(["sh", "-c", start]);
  });

  it("what is no text counts as missing, and other fields stay in their places", async () => {
    workspace.write("package.json", {
      name: 7,
      version: "1.2.3",
      main: ["a"],
      scripts: { start: "node a.js", test: null },
    });
    expect(await workspace.build("npm-start")).toMatchObject({ code: 0 });
    expect(command()).toEqual(["node", "a.js"]);
    const variables = join(workspace.layers("npm-start"), "environment/env.launch");
    expect(readFileSync(join(variables, "npm_package_version.default"), "utf8")).toBe("1.2.3");
    expect(existsSync(join(variables, "npm_package_name.default"))).toBe(false);
  });

  it.each(["{", '{"name": "app"},'])("the error of a package.json %j names jq's reason in one line", async (text) => {
    workspace.write("package.json", text);
    for (const id of ["npm-install", "npm-start"]) {
      const { code, output } = await workspace.detect(id);
      expect(code).toBe(1);
      expect(output).toMatch(/^ERROR: package\.json is not valid JSON: .*line \d.*\nhint: correct the file\n$/);
    }
  });

  it("the package manager is found where a workspace or only the project declares it", async () => {
    workspace.write("package.json", { workspaces: ["web"] });
    workspace.write("web/package.json", { packageManager: "pnpm@9", dependencies: { a: "1" } });
    const env = { BP_NODE_PROJECT_PATH: "web" };
    expect(await workspace.detect("pnpm-install", env)).toMatchObject({ code: 0 });
    expect((await workspace.detect("npm-install", env)).output).toContain("web/package.json names pnpm");
    workspace.write("package.json", { workspaces: ["web"], devEngines: { packageManager: { name: "yarn" } } });
    expect((await workspace.detect("npm-install", env)).output).toContain("package.json names yarn");
  });
});
