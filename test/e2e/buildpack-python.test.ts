import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeIndex, startFakeIndex } from "../buildpacks/python-index.ts";
import { PYTHON_PATH, skipWithoutPython } from "../buildpacks/python-tools.ts";
import { type Environment, type Outcome, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithoutPython();

describe.skipIf(tools.skip)(`packages from an index${tools.note}`, () => {
  let index: FakeIndex;
  let workspace: Workspace;
  beforeAll(async () => {
    index = await startFakeIndex([
      { name: "alpha", version: "1.0", requires: ["beta>=1"], programs: { alpha: "run" } },
      { name: "beta", version: "1.0", metadata: ["License-Expression: MIT"] },
      { name: "beta", version: "1.1" },
    ]);
  });
  afterAll(() => index.close());
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  const build = (id: string, variables: Environment = {}): Promise<Outcome> =>
    workspace.build(id, [], { PATH: PYTHON_PATH, PIP_INDEX_URL: index.url, ...variables });
  const venv = (id: string): string => join(workspace.layers(id), "venv");
  const document = (id: string, kind: string): { readonly [key: string]: unknown } =>
    JSON.parse(readFileSync(join(workspace.layers(id), `venv.sbom.${kind}.json`), "utf8")) as Record<string, unknown>;
  const locked = (name: string, version: string): string =>
    `${name}==${version} \\\n    --hash=sha256:${index.hash(name, version)}\n`;

  it("makes an environment of requirements with hashes, and keeps it until they change", async () => {
    workspace.write("requirements.txt", `# made\n${locked("alpha", "1.0")}-r more.txt\n`);
    workspace.write("more.txt", locked("beta", "1.0"));
    workspace.write(
      "pyproject.toml",
      '[project]\nname = "my-app"\nversion = "3"\n[project.scripts]\nserve = "shop:main"\n',
    );
    workspace.write("src/shop.py", "import alpha\ndef main():\n    print('shop', alpha.VERSION)\n");
    const first = await build("pip-install");
    expect(first).toMatchObject({ code: 0 });
    expect(first.output).toMatch(/^pip install: no earlier build to reuse\nInstalled 2 packages, \d+ MB\n$/);
    expect(workspace.toml("pip-install", "venv.toml")["types"]).toEqual({ build: true, launch: true, cache: true });

    const program = join(venv("pip-install"), "bin/alpha");
    expect(readFileSync(program, "utf8").split("\n")[0]).toBe(`#!${venv("pip-install")}/bin/python`);
    expect(execFileSync(program).toString()).toBe("alpha 1.0\n");
    expect(execFileSync(join(venv("pip-install"), "bin/serve")).toString()).toBe("shop 1.0\n");
    const purls = ["pkg:pypi/alpha@1.0", "pkg:pypi/beta@1.0"];
    expect(document("pip-install", "cdx")["components"]).toMatchObject([
      { purl: purls[0] },
      { purl: purls[1], licenses: [{ expression: "MIT" }] },
    ]);
    expect(document("pip-install", "spdx")["packages"]).toMatchObject(
      purls.map((purl) => ({ externalRefs: [{ referenceLocator: purl }] })),
    );

    const asked = index.requests.length;
    const second = await build("pip-install", { PIP_INDEX_URL: "http://127.0.0.1:9/simple" });
    expect(second).toMatchObject({ code: 0, output: "Reusing cached packages: requirements.txt unchanged\n" });
    expect(index.requests).toHaveLength(asked);

    workspace.write("more.txt", locked("beta", "1.1"));
    expect((await build("pip-install")).output).toContain("has changed\nInstalled 2 packages");
    expect(document("pip-install", "cdx")["components"]).toMatchObject([{}, { version: "1.1" }]);
  });

  it("compiles modules so that the bytecode counts whatever the times of the files are", async () => {
    workspace.write("requirements.txt", "beta==1.1\n");
    await build("pip-install");
    const python = join(venv("pip-install"), "bin/python");
    const [file = "", cached = ""] = execFileSync(python, ["-c", "import beta; print(beta.__file__, beta.__cached__)"])
      .toString()
      .trim()
      .split(" ");
    // PEP 552: the flags 0b01 mean that a hash is there, and that it is not compared with the source.
    expect(readFileSync(cached).readUInt32LE(4)).toBe(1);
    utimesSync(file, 0, 0);
    expect(execFileSync(python, ["-c", "import beta; print(beta.VERSION)"]).toString()).toBe("1.1\n");
  });

  it.each([
    ["alpha==9", 'requirements.txt:2: no version satisfies "alpha==9"; the newest are 1.0'],
    ["gamma>1", 'requirements.txt:2: no version satisfies "gamma>1"'],
    [
      `beta==1.0 --hash=sha256:${"0".repeat(64)}`,
      `requirements.txt:2: beta does not match its hash: expected ${"0".repeat(64)}, got `,
    ],
    ["be ta", "requirements.txt:2: this is no requirement"],
    ["-r missing.txt", "missing.txt does not exist"],
    ["-r ../elsewhere.txt", "../elsewhere.txt does not exist"],
    ["--index-url http://me:secret@host/simple", "requirements.txt:2: there is a password in the file"],
  ])("%s is an error with file and line, and leaves no environment", async (line, message) => {
    workspace.write("requirements.txt", `# comment\n${line}\n`);
    const outcome = await build("pip-install");
    expect(outcome.output).toContain(`ERROR: ${message}`);
    expect(outcome.output).toContain("\nhint: ");
    expect(outcome.output).not.toContain("secret");
    expect(outcome.code).toBe(1);
    expect(existsSync(join(workspace.layers("pip-install"), "venv.toml"))).toBe(false);
  });

  it("names what has no hash when others have", async () => {
    workspace.write("requirements.txt", `${locked("alpha", "1.0")}beta==1.0\n`);
    expect((await build("pip-install")).output).toContain(
      "ERROR: requirements.txt:3: beta==1.0 has no hash, but others have",
    );
  });

  it("says that the registry is down, and how to name another", async () => {
    workspace.write("requirements.txt", "alpha\n");
    const outcome = await build("pip-install", { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "0" });
    expect(outcome.output).toContain("ERROR: the registry of Python packages could not be reached");
    expect(outcome.output).toContain("PIP_INDEX_URL");
  });

  it("takes pip's settings from a binding", async () => {
    workspace.write("requirements.txt", "beta==1.1\n");
    const bindings = join(workspace.platform, "bindings");
    workspace.write("../platform/bindings/mine/type", "pip");
    workspace.write("../platform/bindings/mine/pip.conf", `[global]\nindex-url = ${index.url}\n`);
    const outcome = await build("pip-install", { PIP_INDEX_URL: "", SERVICE_BINDING_ROOT: bindings });
    expect(outcome).toMatchObject({ code: 0 });
  });

  it("installs what uv.lock has with its hashes, from the index of the build, and the group for tests", async () => {
    workspace.write(
      "pyproject.toml",
      '[project]\nname = "app"\ndependencies = ["alpha"]\n[dependency-groups]\ntest = []\n',
    );
    const entry = (name: string, version: string, more: string): string =>
      `[[package]]\nname = "${name}"\nversion = "${version}"\nsource = { registry = "https://packages.invalid/simple" }\n` +
      `wheels = [{ url = "https://packages.invalid/${name}.whl", hash = "sha256:${index.hash(name, version)}" }]\n${more}\n`;
    const lock = `version = 1\n${entry("alpha", "1.0", 'dependencies = [{ name = "beta" }]')}${entry("beta", "1.0", "")}`;
    workspace.write("uv.lock", lock);
    const outcome = await build("uv-install");
    expect(outcome).toMatchObject({ code: 0 });
    expect(document("uv-install", "cdx")["components"]).toMatchObject([
      { name: "alpha", hashes: [{ alg: "SHA-256", content: index.hash("alpha", "1.0") }] },
      { name: "beta", version: "1.0" },
    ]);
  });
});
