import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeModule, type GoProxy, h1, startGoProxy } from "./go-proxy.ts";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "go");
const ARCH = process.arch === "arm64" ? "arm64" : "amd64";
const MODULE = "golang.org/toolchain";

/** A toolchain whose go only prints its version. Archives of modules have no modes and no second go.mod. */
function toolchain(version: string, sumInDatabase?: string): FakeModule {
  const files = {
    "bin/go": `#!/bin/sh\necho go version go${version} linux/${ARCH}\n`,
    "pkg/tool/compile": "",
    "src/_go.mod": "module std\n",
    "src/a_test.go": "package a\n",
    "src/testdata/b.go": "package b\n",
  };
  const module = { path: MODULE, version: `v0.0.1-go${version}.linux-${ARCH}`, files };
  return sumInDatabase === undefined ? module : { ...module, sumInDatabase };
}

const VERSIONS = ["1.18", "1.20", "1.20.14", "1.21rc2", "1.21.0", "1.25.9", "1.26rc1", "1.26.0", "1.26.11", "1.27rc1"];
const RELEASED = [...VERSIONS, "1.27.0", "1.27.4"];

/** What an application asks for, and what it gets of the released versions. Nothing: there is none. */
const CHOICES: readonly (readonly [goMod: string, wish: string, version: string])[] = [
  ["go 1.27", "", "1.27.4"],
  ["go 1.27.0", "", "1.27.4"],
  ["go 1.26", "", "1.26.11"],
  ["go 1.26rc1", "", "1.26.11"],
  ["go 1.21", "", "1.26.11"],
  ["go 1.16", "", "1.26.11"],
  ["", "", "1.27.4"],
  ["go 1.28", "", ""],
  ["go 1.21\ntoolchain go1.26.0", "", "1.26.0"],
  ["go 1.21\ntoolchain default", "", "1.26.11"],
  ["go 1.21\ntoolchain go1.26.0", "1.25", "1.25.9"],
  ["go 1.20", "1.20", "1.20.14"],
  ["go 1.20", "1.21.x", "1.21.0"],
  ["go 1.20", "1.*", "1.27.4"],
  ["go 1.20", "~1.26.0", "1.26.11"],
  ["go 1.20", "^1.21", "1.27.4"],
  ["go 1.20", ">=1.25", "1.27.4"],
  ["go 1.20", "go1.27rc1", "1.27rc1"],
  ["go 1.26", "1.25.9", ""],
];

describe.skipIf(tools.skip)(`the choice of a Go${tools.note}`, () => {
  const workspace = new Workspace();
  const script = CHOICES.map(([goMod, wish], index) => {
    writeFileSync(join(workspace.root, `${index}.mod`), `module x\n\n${goMod}\n`);
    return `cp ../${index}.mod go.mod; BP_GO_VERSION='${wish}'; read_request; pick <<<"$versions"; echo "$VERSION"`;
  });
  const lib = join(buildpackDirectory("go"), "lib");
  const program = [`source ${lib}/output.sh; source ${lib}/version.sh; versions=$0`, ...script].join("\n");
  const found = tools.skip
    ? []
    : execFileSync("bash", ["-euc", program, RELEASED.join("\n")], { cwd: workspace.app, encoding: "utf8" }).split(
        "\n",
      );
  workspace.remove();

  it.each(CHOICES.map(([goMod, wish, version], index) => ({ goMod, wish, version, index })))(
    '$goMod with BP_GO_VERSION "$wish" gives "$version"',
    ({ version, index }) => {
      expect(found[index]).toBe(version);
    },
  );
});

describe.skipIf(tools.skip)(`the buildpack go${tools.note}`, () => {
  let workspace: Workspace;
  let proxy: GoProxy | undefined;
  beforeEach(() => {
    workspace = new Workspace();
    workspace.write("go.mod", "module example.com/app\n\ngo 1.27\n");
  });
  afterEach(async () => {
    workspace.remove();
    await proxy?.close();
    proxy = undefined;
  });

  async function build(modules: readonly FakeModule[], env: Readonly<Record<string, string>> = {}) {
    proxy = await startGoProxy(modules);
    return workspace.build("go", ["go"], { ...proxy.env, ...env });
  }

  it("offers Go, and wants a Go of the distribution to fetch it with where the build image has none", async () => {
    const withGo = await workspace.detect("go");
    expect(withGo).toMatchObject({ code: 0, plan: { provides: [{ name: "go" }] } });
    expect(withGo.plan).not.toHaveProperty("requires");
    const PATH = pathWithout("go", workspace);
    const without = await workspace.detect("go", { PATH });
    const whole = { packages: ["golang-go"], build: true };
    const less = {
      without: expect.arrayContaining(["golang-*-src"]),
      exclude: expect.arrayContaining(["usr/lib/go-*/pkg"]),
    };
    expect(without.plan["requires"]).toEqual([{ name: "deb-packages", metadata: { ...whole, ...less } }]);
    const toCompile = await workspace.detect("go", { PATH, BP_GO_VERSION: "stack" });
    expect(toCompile.plan["requires"]).toEqual([{ name: "deb-packages", metadata: whole }]);
  });

  it("declines an application without a go.mod, and names the directory that has one", async () => {
    workspace.replaceApp();
    workspace.write("backend/go.mod", "module x\n");
    const outcome = await workspace.detect("go");
    expect(outcome).toMatchObject({ code: 100, output: "no go.mod here, but one in backend: build that directory\n" });
  });

  it("installs what the checksum database knows, with modes, and without the tests of the library", async () => {
    const outcome = await build([toolchain("1.27.4")]);
    expect(outcome.output).toContain(
      "Go 1.27.4: go 1.27 in go.mod:3\nFetched Go 1.27.4: 0 MB, checksum database verified",
    );
    expect(outcome.code).toBe(0);
    const layer = join(workspace.layers("go"), "go");
    expect(statSync(join(layer, "bin/go")).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(layer, "src"))).toEqual(["go.mod"]);
    expect(readFileSync(join(layer, "env/GOROOT.override"), "utf8")).toBe(layer);
    const { files, path, version } = toolchain("1.27.4");
    const sum = h1(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`${path}@${version}/${name}`, text])),
    );
    expect(workspace.toml("go", "go.toml")).toMatchObject({
      types: { build: true, launch: false, cache: true },
      metadata: { version: "1.27.4", sum },
    });
    expect(readdirSync(workspace.layers("go")).toSorted()).toEqual([
      "go",
      "go.sbom.cdx.json",
      "go.sbom.spdx.json",
      "go.toml",
    ]);
  });

  it("asks nobody when the same is wanted again", async () => {
    await build([toolchain("1.27.4")]);
    const asked = proxy?.requests.length;
    const again = await workspace.build("go", ["go"], { ...proxy?.env });
    expect(again.output).toContain("Reusing cached Go 1.27.4: nothing to fetch");
    expect(proxy?.requests.length).toBe(asked);
  });

  it("installs nothing that the checksum database does not confirm", async () => {
    const outcome = await build([toolchain("1.27.4", h1({ other: "" }))]);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toMatch(/is not what the checksum database says it is\nhint: nothing was installed/);
    expect(readdirSync(workspace.layers("go"))).toEqual([]);
  });

  it("keeps what is there when a newer one cannot be fetched", async () => {
    await build([toolchain("1.27.4")]);
    await proxy?.close();
    const outcome = await workspace.build("go", ["go"], { ...proxy?.env, BP_GO_VERSION: "1.27.5" });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("hint: check that the build may use the network, GOPROXY (now: http://127.0.0.1:");
    expect(existsSync(join(workspace.layers("go"), "go/bin/go"))).toBe(true);
    expect(workspace.toml("go", "go.toml")).toMatchObject({ metadata: { version: "1.27.4" } });
    proxy = undefined;
  });

  it.each([
    [
      "1.99",
      "no Go satisfies 1.99 (BP_GO_VERSION) and go 1.27 in go.mod:3: the newest that the module proxy has is 1.27.4",
    ],
    ["1.26.11", "1.26.11 (BP_GO_VERSION) contradicts go 1.27 in go.mod:3: that needs Go 1.27 or newer"],
    ["latest", 'BP_GO_VERSION: expected a version or a range of Go, found "latest"'],
    [
      "1.27.9",
      "no Go satisfies 1.27.9 (BP_GO_VERSION) and go 1.27 in go.mod:3: the newest that the module proxy has is 1.27.4",
    ],
  ])("BP_GO_VERSION=%s fails: %s", async (wish, message) => {
    const outcome = await build([toolchain("1.27.4")], { BP_GO_VERSION: wish });
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(`ERROR: ${message}`);
  });

  it.each(["1.99", "1.99.1"])(
    "go %s in go.mod, newer than any Go, fails with file, line and remedy",
    async (wanted) => {
      workspace.write("go.mod", `module example.com/app\n\ngo ${wanted}\n`);
      const outcome = await build([toolchain("1.27.4")]);
      expect(outcome.code).toBe(1);
      expect(outcome.output).toContain(
        `ERROR: no Go satisfies go ${wanted} in go.mod:3: the newest that the module proxy has is 1.27.4\nhint: correct the line, for example to: go 1.27;`,
      );
    },
  );

  it("a go line that is no version fails with file and line", async () => {
    workspace.write("go.mod", "module x\n\n// comment\ngo latest\n");
    const outcome = await build([]);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(
      'ERROR: go.mod:4: expected a version of Go such as 1.24 or 1.24.1, found "latest"',
    );
  });
});

/** A directory with links to the other programs that a buildpack calls. */
function pathWithout(name: string, workspace: Workspace): string {
  const bin = join(workspace.root, "bin");
  const programs = ["bash", "env", "find", "sort", "head", "sed", "paste", "cat"].filter((each) => each !== name);
  execFileSync("bash", ["-c", 'mkdir "$0"; for p; do ln -s "$(command -v "$p")" "$0/$p"; done', bin, ...programs]);
  return bin;
}
