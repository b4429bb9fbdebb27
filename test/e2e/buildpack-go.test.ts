import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeModule, type GoProxy, h1, startGoProxy } from "../buildpacks/go-proxy.ts";
import { skipWithout } from "../buildpacks/require-tools.ts";
import { capture, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithout("bash", "go", "jq");

const LIBRARY: FakeModule = {
  path: "example.com/library",
  version: "v1.0.0",
  files: { "go.mod": "module example.com/library\n", "library.go": "package library\n\nconst Word = `word`\n" },
};
const SUMS = [
  `example.com/library v1.0.0 ${h1(Object.fromEntries(Object.entries(LIBRARY.files).map(([name, text]) => [`example.com/library@v1.0.0/${name}`, text])))}`,
  `example.com/library v1.0.0/go.mod ${h1({ "go.mod": "module example.com/library\n" })}`,
].join("\n");
const MAIN = 'package main\n\nimport "example.com/library"\n\nfunc main() { println(library.Word) }\n';
const APPLICATION = {
  "go.mod": "module example.com/app\n\ngo 1.19\n\nrequire example.com/library v1.0.0\n",
  "go.sum": `${SUMS}\n`,
  "main.go": MAIN,
  "cmd/worker/main.go": MAIN,
  "static/a.css": "a",
};

describe.skipIf(tools.skip)(`bin/build of go-build with a real Go${tools.note}`, () => {
  // One for all: the library of Go is compiled once.
  const workspace = new Workspace();
  let proxy: GoProxy;
  beforeAll(async () => {
    proxy = await startGoProxy([LIBRARY]);
  });
  afterAll(async () => {
    await proxy.close();
    workspace.remove();
  });
  beforeEach(() => {
    workspace.replaceApp();
    for (const [path, content] of Object.entries(APPLICATION)) workspace.write(path, content);
  });

  const build = (env: Readonly<Record<string, string>> = {}) =>
    workspace.build("go-build", ["go"], { ...proxy.env, BP_GO_TARGETS: ".:./cmd/worker", ...env });
  const program = (name: string) => join(workspace.layers("go-build"), "targets/bin", name);
  const hashOf = (name: string) =>
    createHash("sha256")
      .update(readFileSync(program(name)))
      .digest("hex");

  it("compiles every target and leaves no source; the same again comes out of another directory", async () => {
    const outcome = await build();
    expect(outcome.output).toMatch(/Compiled app: \d+ kB\nCompiled worker: \d+ kB\n/);
    expect(outcome.code).toBe(0);
    expect(readdirSync(workspace.app)).toEqual([]);
    expect(await capture([program("worker")], workspace.root, {})).toEqual({ code: 0, output: "word\n" });
    expect(workspace.toml("go-build", "launch.toml")).toEqual({
      processes: [
        { type: "web", command: ["app"], default: true },
        { type: "worker", command: ["worker"], default: false },
      ],
    });
    const sbom = JSON.parse(
      readFileSync(join(workspace.layers("go-build"), "targets.sbom.cdx.json"), "utf8"),
    ) as object;
    expect(sbom).toMatchObject({ components: [{ purl: "pkg:golang/example.com/library@v1.0.0" }, { name: "stdlib" }] });

    const other = new Workspace();
    try {
      for (const [path, content] of Object.entries(APPLICATION)) other.write(path, content);
      await other.build("go-build", ["go"], proxy.env);
      const twin = readFileSync(join(other.layers("go-build"), "targets/bin/app"));
      expect(createHash("sha256").update(twin).digest("hex")).toBe(hashOf("app"));
    } finally {
      other.remove();
    }
  });

  it("neither compiles nor fetches for the same sources, also where only the layer's metadata came back", async () => {
    const asked = proxy.requests.length;
    rmSync(join(workspace.layers("go-build"), "targets"), { recursive: true });
    const outcome = await build();
    expect(outcome.output).toMatch(/^Reusing cached programs: sources, settings and go1\.\d+\S* unchanged$/m);
    expect(outcome.output).not.toContain("go build");
    expect(proxy.requests.length).toBe(asked);
    expect(readdirSync(workspace.app)).toEqual([]);
  });

  it("compiles changed sources without the network when the modules are those of the last build", async () => {
    workspace.write("main.go", MAIN.replace("library.Word", '"changed " + library.Word'));
    const outcome = await build({ GOPROXY: "off" });
    expect(outcome.code).toBe(0);
    expect(await capture([program("app")], workspace.root, {})).toEqual({ code: 0, output: "changed word\n" });
  });

  it("for tests it keeps sources and modules, and adds the process", async () => {
    const outcome = await build({ CNB_EXEC_ENV: "test" });
    expect(outcome.code).toBe(0);
    expect(readdirSync(workspace.app)).toContain("main.go");
    expect(workspace.toml("go-build", "modules.toml")).toMatchObject({ types: { launch: true } });
    expect(workspace.toml("go-build", "launch.toml")["processes"]).toContainEqual({
      type: "test",
      command: ["go", "test", "./..."],
      "exec-env": ["test"],
    });
  });

  it("says that the module proxy is down, and which variable names it; no program is kept", async () => {
    rmSync(join(workspace.layers("go-build"), "modules"), { recursive: true, force: true });
    const outcome = await build({ GOPROXY: "http://127.0.0.1:9" });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("connection refused");
    expect(outcome.output).toContain(
      "hint: check that the build may use the network, GOPROXY (now: http://127.0.0.1:9)",
    );
    expect(existsSync(join(workspace.layers("go-build"), "targets.toml"))).toBe(false);
  });

  it.each([
    ["no go.sum", { "go.sum": null }, "go.mod requires modules, but there is no go.sum", "go mod tidy"],
    ["a sum that is not there", { "go.sum": "\n" }, "missing go.sum entry", "go mod tidy"],
    ["another sum", { "go.sum": SUMS.replace(/h1:..../, "h1:AAAA") }, "checksum mismatch", "Compare go.sum"],
    [
      "an unknown module",
      { "main.go": MAIN.replace("library", "unknown") },
      "no required module provides",
      "go mod tidy",
    ],
    ["an error of syntax", { "main.go": `${MAIN}func (` }, "main.go:6:", "correct what Go objects to"],
    [
      "vendor that differs",
      { "vendor/modules.txt": "# example.com/x v1\n" },
      "inconsistent vendoring",
      "go mod vendor",
    ],
    [
      "no command",
      { "main.go": "package app\n" },
      "example.com/app is no command: its package is app, not main",
      "BP_GO_TARGETS",
    ],
    [
      "two names that are the same",
      { "other/worker/main.go": MAIN },
      "two programs have the name worker",
      "rename",
      ".:./cmd/worker:./other/worker",
    ],
  ])("%s: an error with a remedy", async (_, files, message, remedy, targets = ".:./cmd/worker") => {
    for (const [path, content] of Object.entries(files)) {
      if (content === null) rmSync(join(workspace.app, path));
      else workspace.write(path, content);
    }
    const modules = join(workspace.layers("go-build"), "modules");
    rmSync(modules, { recursive: true, force: true });
    const outcome = await build({ BP_GO_TARGETS: targets });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(message);
    expect(outcome.output.slice(outcome.output.lastIndexOf("hint: "))).toContain(remedy);
  });
});
