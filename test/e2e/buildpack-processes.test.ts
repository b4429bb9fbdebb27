import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { capture, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "jq");

describe.skipIf(tools.skip)(`processes of procfile and npm-start${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  it("procfile makes a process of every line and web the default", async () => {
    workspace.write(
      "Procfile",
      '# a comment\r\nweb: node "my app.js" --port $PORT \\\\\tend  \r\n\nwork-er_1.x:sleep 1',
    );
    const outcome = await workspace.build("procfile");
    expect(outcome.code).toBe(0);
    expect(workspace.toml("procfile", "launch.toml")).toEqual({
      processes: [
        { type: "web", command: ["bash", "-c", 'node "my app.js" --port $PORT \\\\\tend'], default: true },
        { type: "work-er_1.x", command: ["bash", "-c", "sleep 1"], default: false },
      ],
    });
  });

  it("procfile reports every bad line with its number", async () => {
    workspace.write("Procfile", "web: a\nno colon\nweb: b\nempty:\n");
    const outcome = await workspace.build("procfile");
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("Procfile:2:");
    expect(outcome.output).toContain("Procfile:3: web is already defined in line 1");
    expect(outcome.output).toContain("Procfile:4:");
    expect(existsSync(`${workspace.layers("procfile")}/launch.toml`)).toBe(false);
  });

  it("procfile refuses a file without processes", async () => {
    workspace.write("Procfile", "# nothing\n");
    expect((await workspace.build("procfile")).code).toBe(1);
  });

  it.each([
    ["node server.js --inspect=0", ["node", "server.js", "--inspect=0"]],
    ["A=1 node server.js", ["sh", "-c", "A=1 node server.js"]],
    ['node "my server.js"', ["sh", "-c", 'node "my server.js"']],
    ["next start", ["sh", "-c", "next start"]],
    ["node a.js && node b.js", ["sh", "-c", "node a.js && node b.js"]],
    ["node *.js", ["sh", "-c", "node *.js"]],
  ])("npm-start makes of %j the command %j", async (start, command) => {
    workspace.write("package.json", { scripts: { start } });
    expect((await workspace.build("npm-start")).code).toBe(0);
    expect(workspace.toml("npm-start", "launch.toml")).toEqual({
      processes: [{ type: "web", command, default: true }],
    });
  });

  it("npm-start runs prestart before start and gives up when it fails", async () => {
    workspace.write("package.json", { scripts: { prestart: "echo 'be fore'", start: 'echo "started $0"' } });
    await workspace.build("npm-start");
    const { processes } = workspace.toml("npm-start", "launch.toml") as { processes: { command: string[] }[] };
    const command = processes[0]?.command ?? [];
    const env = { PATH: process.env["PATH"] ?? "" };
    expect((await capture(command, workspace.app, env)).output).toBe("be fore\nstarted sh\n");
    const failing = command.map((word) => (word.startsWith("echo 'be") ? "exit 3" : word));
    expect(await capture(failing, workspace.app, env)).toEqual({ code: 3, output: "" });
  });

  it.each([
    [{ main: "lib/app" }, ["lib/app.js", "index.js"], "lib/app.js"],
    [{}, ["index.js", "server.js"], "server.js"],
    [{}, ["index.js"], "index.js"],
  ])("npm-start without a start script, %j with %j, runs %s", async (packageJson, files, main) => {
    workspace.write("package.json", packageJson);
    for (const file of files) workspace.write(file, "");
    await workspace.build("npm-start");
    expect(workspace.toml("npm-start", "launch.toml")).toMatchObject({ processes: [{ command: ["node", main] }] });
  });

  it.each([
    ["{}", "ERROR: package.json: nothing says how the application starts: there is no scripts.start"],
    [
      '{\n  "main": "dist/app.js"\n}',
      'ERROR: package.json:2: main is "dist/app.js", which is not there after the build, and there is no start script',
    ],
  ])("npm-start fails for %j and says what to write where", async (packageJson, message) => {
    workspace.write("package.json", packageJson);
    const { code, output } = await workspace.build("npm-start");
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output).toMatch(/hint: .*"scripts": \{ "start": "node <file>" \}.*Procfile/);
    expect(workspace.toml("npm-start", "environment.toml")).toEqual({});
  });

  it("npm-start needs no start where only tests run", async () => {
    workspace.write("package.json", { scripts: { test: "true" } });
    const { code } = await workspace.build("npm-start", [], { CNB_EXEC_ENV: "test" });
    expect(code).toBe(0);
    expect(workspace.toml("npm-start", "launch.toml")).toMatchObject({ processes: [{ type: "test" }] });
  });

  it("npm-start gives a default port and what npm would set", async () => {
    workspace.write("package.json", { name: "app", version: "1.2.3", scripts: { start: "node ." } });
    await workspace.build("npm-start");
    const directory = `${workspace.layers("npm-start")}/environment/env.launch`;
    expect(workspace.toml("npm-start", "environment.toml")).toEqual({ types: { launch: true } });
    expect(readFileSync(`${directory}/PORT.default`, "utf8")).toBe("8080");
    expect(readFileSync(`${directory}/npm_package_version.default`, "utf8")).toBe("1.2.3");
  });
});
