import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { type Environment, type Outcome, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "jq", "perl", "python3");

describe.skipIf(tools.skip)(`where the run image has no shell${tools.note}`, () => {
  let workspace: Workspace;
  let slim: Environment;
  beforeEach(() => {
    workspace = new Workspace();
    // As the build image of bookworm-slim has it.
    mkdirSync(join(workspace.root, "var/lib/dpkg"), { recursive: true });
    writeFileSync(join(workspace.root, "var/lib/dpkg/build-packages"), "apt\nbash\ncoreutils\ndash\ngcc\n");
    slim = { IMAGE_ROOT: workspace.root };
  });
  afterEach(() => workspace.remove());

  /** Names and uses of the Debian packages that a buildpack asks for. */
  async function packages(id: string, env: Environment = {}): Promise<readonly unknown[]> {
    const { plan } = await workspace.detect(id, { ...slim, ...env });
    const requires = (plan["requires"] ?? []) as readonly { readonly name: string; readonly metadata: object }[];
    return requires.filter(({ name }) => name === "deb-packages").map(({ metadata }) => metadata);
  }
  const command = (id: string): unknown =>
    (workspace.toml(id, "launch.toml")["processes"] as readonly { readonly command: unknown }[])[0]?.command;
  const build = (id: string, env: Environment = {}): Promise<Outcome> => workspace.build(id, [], { ...slim, ...env });

  it("commands of a Procfile bring bash, and scripts are warned of", async () => {
    workspace.write("Procfile", "web: ./server $PORT\n");
    expect(await packages("procfile")).toEqual([{ packages: ["bash"], source: "Procfile", launch: true }]);
    expect((await build("procfile")).output).toContain("a script starts by the name of its shell".slice(1));
    expect((await workspace.detect("procfile")).plan).toEqual({});
    expect((await workspace.build("procfile")).output).not.toContain("shell");
  });

  it("a start script brings dash when a shell has to read it", async () => {
    const start = (scripts: object): void => workspace.write("package.json", { scripts });
    start({ start: "node server.js" });
    expect(await packages("npm-start")).toEqual([]);
    start({ start: "next start" });
    expect(await packages("npm-start")).toEqual([]);
    expect(await packages("npm-start", { CNB_EXEC_ENV: "test" })).toMatchObject([{ packages: ["dash"] }]);
    for (const scripts of [{ start: "next start -p $PORT" }, { start: "node a.js", prestart: "node b.js" }]) {
      start(scripts);
      expect(await packages("npm-start")).toEqual([
        { packages: ["dash"], source: "scripts of package.json", launch: true },
      ]);
    }
    expect((await workspace.detect("npm-start")).plan["requires"]).toHaveLength(1);
  });

  it("a program of a package is handed to node, and one that needs a shell is refused", async () => {
    workspace.write("package.json", { scripts: { start: "next start --quiet" } });
    workspace.write("node_modules/.bin/next", "#!/usr/bin/env node\n");
    expect(await build("npm-start")).toMatchObject({ code: 0 });
    expect(command("npm-start")).toEqual(["node", "node_modules/.bin/next", "start", "--quiet"]);
    expect(await workspace.build("npm-start")).toMatchObject({ code: 0 });
    expect(command("npm-start")).toEqual(["sh", "-c", "next start --quiet"]);

    workspace.write("node_modules/.bin/next", '#!/bin/sh\nexec node next.js "$@"\n');
    expect(await build("npm-start")).toMatchObject({
      code: 1,
      output: expect.stringContaining("the run image has no shell, which node_modules/.bin/next needs (#!/bin/sh)"),
    });
  });

  it("processes of init bring the shell that reads their commands", async () => {
    workspace.write("project.toml", '[[io.tspack.init.processes]]\nname = "web"\nmain = true\ncommand = "a | b"\n');
    expect(await packages("init")).toMatchObject([{ packages: ["dash"], launch: true }]);
    expect(await build("init")).toMatchObject({ code: 0 });
    const configured = readFileSync(join(workspace.layers("init"), "configuration/processes"), "utf8");
    expect(configured).toContain("arg sh\narg -c\narg a | b\n");
    expect(await packages("init", { BP_INIT_PROCESSES: "web" })).toMatchObject([{ packages: ["bash"] }]);
  });

  it("programs that start with a Java application name the bash of its packages, and without those there is no image", async () => {
    const home = "launch-packages/usr/lib/jvm/java-17-openjdk";
    for (const program of [`${home}/bin/java`, "launch-packages/usr/bin/bash"]) {
      mkdirSync(join(workspace.root, program, ".."), { recursive: true });
      writeFileSync(join(workspace.root, program), '#!/bin/sh\nexec /bin/bash "$@"\n', { mode: 0o755 });
    }
    writeFileSync(join(workspace.root, home, "release"), 'JAVA_VERSION="17.0.9"\n');
    workspace.write("app.jar", "");
    writeFileSync(join(workspace.root, "os-release"), "VERSION_CODENAME=bookworm\n");
    const java = { OS_RELEASE: join(workspace.root, "os-release") };
    expect(await packages("java", java)).toMatchObject([
      { packages: ["openjdk-17-jre-headless"] },
      { packages: ["bash"], build: true, launch: true },
    ]);

    const libraries = { LD_LIBRARY_PATH: join(workspace.root, "launch-packages/usr/lib") };
    const PATH = process.env["PATH"] ?? "";
    expect(await workspace.build("java", ["jre"], { ...slim, ...java, ...libraries })).toMatchObject({
      code: 1,
      output: expect.stringContaining("the run image has no bash, which the memory calculator of the JVM needs"),
    });
    const own = { ...slim, ...java, ...libraries, PATH: `${join(workspace.root, "launch-packages/usr/bin")}:${PATH}` };
    expect(await workspace.build("java", ["jre"], own)).toMatchObject({ code: 0 });
    const calculator = readFileSync(join(workspace.layers("java"), "jre/exec.d/memory-calculator"), "utf8");
    expect(calculator.split("\n", 1)).toEqual([`#!${join(workspace.root, "launch-packages/usr/bin/bash")}`]);
  });

  it("certificates that are added at the start are refused in the build", async () => {
    const env = { BP_ENABLE_RUNTIME_CERT_BINDING: "true" };
    expect(await build("ca-certificates", env)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/the run image has no bash or coreutils[^]*hint: .*BP_EMBED_CERTS=true/),
    });
    expect(await workspace.build("ca-certificates", [], env)).toMatchObject({ code: 0 });
  });
});
