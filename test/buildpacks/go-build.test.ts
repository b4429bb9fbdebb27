import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, type Outcome, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "jq");
const lib = join(buildpackDirectory("go-build"), "lib");

describe.skipIf(tools.skip)(`the buildpack go-build${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  /** Runs a line of shell with the functions of the buildpack. */
  function shell(line: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const libraries = ["output", "settings", "sources"].map((name) => `source ${lib}/${name}.sh`).join("; ");
    const program = `set -euo pipefail; SCRATCH=$0; ${libraries}; ${line}`;
    return capture(["bash", "-c", program, workspace.root], workspace.app, {
      PATH: process.env["PATH"] ?? "",
      LC_ALL: "C.UTF-8",
      ...env,
    });
  }

  it("requires Go for the build, and for tests also in the image", async () => {
    workspace.write("go.mod", "module x\n");
    const { plan } = await workspace.detect("go-build");
    expect(plan).toEqual({ requires: [{ name: "go", metadata: { build: true } }] });
    const forTests = await workspace.detect("go-build", { CNB_EXEC_ENV: "test" });
    expect(forTests.plan).toEqual({ requires: [{ name: "go", metadata: { build: true, launch: true } }] });
  });

  it("declines what is no module", async () => {
    expect(await workspace.detect("go-build")).toMatchObject({ code: 100, output: "no go.mod\n" });
  });

  it("gives the credentials of a binding of type netrc to Go and to Git, and to nobody else", async () => {
    const binding = join(workspace.platform, "bindings/own");
    mkdirSync(binding, { recursive: true });
    writeFileSync(join(binding, "type"), "netrc\n");
    const find = 'find_credentials; printf "%s %s %s" "$NETRC" "$HOME" "$(stat -c %a "$NETRC")"; cat "$NETRC"';
    const env = { CNB_PLATFORM_DIR: workspace.platform };
    expect(await shell(find, env)).toMatchObject({ code: 1, output: expect.stringContaining("has no file .netrc") });
    writeFileSync(join(binding, ".netrc"), "machine a.invalid login me password SECRET\n");
    const home = join(workspace.root, "home");
    expect((await shell(find, env)).output).toBe(
      `Credentials for modules: those of the binding ${binding}\n` +
        `${home}/.netrc ${home} 600machine a.invalid login me password SECRET\n`,
    );
    expect((await shell('find_credentials; echo "${NETRC:-none}"', {})).output).toBe("none\n");
  });

  it.each([
    [
      "fatal: could not read Username for 'https://git.invalid': terminal prompts disabled",
      "a private module: set GOPRIVATE",
    ],
    ["reading https://proxy.invalid/x/@v/v1.mod: 404 Not Found", "if it is private, set GOPRIVATE"],
    ['unrecognized import path "git.invalid/x"', "if it is private, set GOPRIVATE"],
  ])("of a module that can not be fetched (%s) says what private ones need", async (log, hint) => {
    writeFileSync(join(workspace.root, "go.log"), `go: downloading a v1\ngo: git.invalid/x@v1: ${log}\n`);
    const { code, output } = await shell(`source ${lib}/compile.sh; go_failed "go build failed"`);
    expect(code).toBe(1);
    expect(output).toContain(`ERROR: go build failed: git.invalid/x@v1: ${log}\n`);
    expect(output).toContain(hint);
    expect(output).toMatch(/hint: .*binding of type netrc.*go mod vendor/);
  });

  const show = 'read_settings; printf "[%s]" "${FLAGS[@]}" "${TARGETS[@]}"';

  it.each([
    [{}, "[-trimpath][-buildvcs=false][-ldflags=-s -w]"],
    [{ BP_GO_TARGETS: ".:./cmd/a" }, "[-trimpath][-buildvcs=false][-ldflags=-s -w][.][./cmd/a]"],
    [{ BP_GO_BUILD_FLAGS: `"-tags=a b"  -v '-x'` }, "[-trimpath][-buildvcs=false][-ldflags=-s -w][-tags=a b][-v][-x]"],
    [{ BP_GO_BUILD_FLAGS: "-ldflags=-X=main.v=1" }, "[-trimpath][-buildvcs=false][-ldflags=-X=main.v=1]"],
    [{ BP_GO_BUILD_LDFLAGS: "-X main.v=1" }, "[-trimpath][-buildvcs=false][-ldflags=-X main.v=1]"],
    [{ BP_GO_BUILD_LDFLAGS: "" }, "[-trimpath][-buildvcs=false][-ldflags=]"],
  ])("with %j the words for go build are %s", async (env, words) => {
    expect((await shell(show, env)).output).toBe(words);
  });

  it.each([
    [{ BP_GO_TARGETS: "../other" }, "BP_GO_TARGETS: expected packages of the module"],
    [{ BP_GO_TARGETS: "./a/../../b" }, "BP_GO_TARGETS: expected packages of the module"],
    [{ BP_GO_TARGETS: "-o=/etc" }, "BP_GO_TARGETS: expected packages of the module"],
    [{ BP_KEEP_FILES: "/etc/passwd" }, "BP_KEEP_FILES: expected paths of the application"],
    [{ BP_KEEP_FILES: "a/../../b" }, "BP_KEEP_FILES: expected paths of the application"],
    [{ BP_GO_BUILD_FLAGS: '"-tags=a' }, "BP_GO_BUILD_FLAGS: a quote is not closed"],
    [{ BP_GO_BUILD_FLAGS: "-ldflags=a", BP_GO_BUILD_LDFLAGS: "b" }, "both have flags of the linker"],
  ])("%j fails: %s", async (env, message) => {
    const outcome = await shell(show, env);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(message);
  });

  it("leaves of the application what BP_KEEP_FILES names and what later buildpacks read", async () => {
    for (const path of ["main.go", "go.mod", "static/a/b.css", "static/.hidden", "templates/t.html", "docs/x.md"]) {
      workspace.write(path, "");
    }
    for (const path of ["Procfile", "project.toml", ".git/HEAD"]) workspace.write(path, "");
    const outcome = await shell("read_settings; remove_sources", { BP_KEEP_FILES: "static/**:templates:none/*" });
    expect(outcome).toEqual({ code: 0, output: "" });
    const left = readdirSync(workspace.app, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(
      left.map(({ parentPath, name }) => join(parentPath, name).slice(workspace.app.length + 1)).toSorted(),
    ).toEqual([".git/HEAD", "Procfile", "project.toml", "static/.hidden", "static/a/b.css", "templates/t.html"]);
  });

  it("names directories that a server may want and that are not in the image", async () => {
    workspace.write("templates/t.html", "");
    workspace.write("static/a.css", "");
    const outcome = await shell("read_settings; remove_sources");
    expect(outcome.output).toBe(
      "Not in the image: static templates (if programs read them when they run: BP_KEEP_FILES=static:templates)\n",
    );
    expect(readdirSync(workspace.app)).toEqual([]);
  });

  it("has another key for another content, name, flag or Go, and not for another date", async () => {
    const key = async (env: Readonly<Record<string, string>> = {}, go = "go1.26.1"): Promise<string> =>
      (await shell(`GO_VERSION=${go} EXEC_ENV=production CGO_ENABLED=0 GOFLAGS=; read_settings; sources_key`, env))
        .output;
    workspace.write("main.go", "package main");
    const first = await key();
    expect(first).toMatch(/^[0-9a-f]{64}\n$/);
    execFileSync("touch", ["-d", "2001-01-01", join(workspace.app, "main.go")]);
    expect(await key()).toBe(first);
    const others = [
      await key({ BP_GO_TARGETS: "." }),
      await key({ BP_GO_BUILD_FLAGS: "-v" }),
      await key({}, "go1.26.2"),
    ];
    workspace.write("main.go", "package main // changed");
    others.push(await key());
    workspace.replaceApp();
    workspace.write("other.go", "package main");
    others.push(await key());
    expect(new Set([first, ...others]).size).toBe(6);
  });
});

const BUILD_INFO = [
  "/layers/bin/a: go1.26.1",
  "\tpath\texample.com/a",
  "\tmod\texample.com/a\t(devel)\t",
  "\tdep\tgithub.com/B/c\tv1.0.0+incompatible\th1:AAAA=",
  "\tdep\texample.com/replaced\tv1.0.0",
  "\t=>\texample.com/instead\tv2.0.0\th1:BBBB=",
  "\tdep\texample.com/local\tv1.0.0",
  "\t=>\t./local\t(devel)\t",
  "\tbuild\t-trimpath=true",
  "/layers/bin/b: go1.26.1",
  "\tdep\tgithub.com/B/c\tv1.0.0+incompatible\th1:AAAA=",
].join("\n");

describe.skipIf(tools.skip)(`the bill of materials of go-build${tools.note}`, () => {
  const modules = tools.skip
    ? ""
    : execFileSync("jq", ["-R", "-s", "--arg", "go", "1.26.1", "-f", join(lib, "modules.jq")], { input: BUILD_INFO });
  const jq = (file: string): Record<string, unknown> =>
    JSON.parse(
      execFileSync("jq", ["--arg", "key", "k", "-f", join(lib, file)], { input: modules, encoding: "utf8" }),
    ) as Record<string, unknown>;

  it("has each linked module once, with what replaced it, and Go's library", () => {
    expect(jq("cyclonedx.jq")["components"]).toMatchObject([
      { name: "example.com/instead", version: "v2.0.0", purl: "pkg:golang/example.com/instead@v2.0.0" },
      { name: "example.com/local", purl: "pkg:golang/example.com/local" },
      {
        name: "github.com/B/c",
        purl: "pkg:golang/github.com/b/c@v1.0.0%2Bincompatible",
        properties: [{ value: "h1:AAAA=" }],
      },
      { name: "stdlib", version: "1.26.1", cpe: "cpe:2.3:a:golang:go:1.26.1:*:*:*:*:*:*:*" },
    ]);
  });

  it("says the same in SPDX", () => {
    const { packages, documentDescribes } = jq("spdx.jq") as {
      packages: readonly object[];
      documentDescribes: unknown;
    };
    expect(packages).toHaveLength(4);
    expect(documentDescribes).toEqual([0, 1, 2, 3].map((index) => `SPDXRef-Module-${index}`));
    expect(packages[1]).not.toHaveProperty("versionInfo");
    expect(packages[2]).toMatchObject({
      versionInfo: "v1.0.0+incompatible",
      externalRefs: [{ referenceType: "purl", referenceLocator: "pkg:golang/github.com/b/c@v1.0.0%2Bincompatible" }],
    });
  });
});
