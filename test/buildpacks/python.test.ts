import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PYTHON_PATH, skipWithoutPython } from "./python-tools.ts";
import { Workspace } from "./workspace.ts";

const tools = skipWithoutPython();
const env = { PATH: PYTHON_PATH };

describe.skipIf(tools.skip)(`the buildpacks for Python${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  it.each([
    ["python", {}, 100],
    ["python", { "tool.py": "" }, 0],
    ["pip-install", {}, 100],
    ["pip-install", { "requirements.txt": "" }, 0],
    ["pip-install", { "requirements.txt": "", "uv.lock": "" }, 100],
    ["pip-install", { "pyproject.toml": "[project]\n" }, 0],
    ["pip-install", { "pyproject.toml": "[tool.ruff]\n" }, 100],
    ["pip-install", { "pyproject.toml": "[tool.poetry]\n" }, 1],
    ["uv-install", { "uv.lock": "", "pyproject.toml": "" }, 0],
    ["uv-install", { "uv.lock": "" }, 1],
    ["poetry-install", { "poetry.lock": "", "pyproject.toml": "" }, 0],
    ["poetry-install", { "poetry.lock": "", "uv.lock": "", "pyproject.toml": "" }, 100],
    ["python-start", { "main.py": "" }, 0],
    ["python-start", { "setup.py": "" }, 100],
  ] as const)("detect of %s on %j exits with %i", async (id, files, code) => {
    for (const [path, content] of Object.entries(files)) workspace.write(path, content);
    expect((await workspace.detect(id)).code).toBe(code);
  });

  it("requires Debian's python3 for build and image, or else a Python of the images", async () => {
    workspace.write("requirements.txt", "");
    const cpython = { name: "cpython", metadata: { build: true, launch: true } };
    const { plan } = await workspace.detect("python");
    expect(plan).toEqual({
      provides: [{ name: "cpython" }],
      requires: [cpython, { name: "deb-packages", metadata: { packages: ["python3"], build: true, launch: true } }],
      or: [{ provides: [{ name: "cpython" }], requires: [cpython] }],
    });
  });

  it("does not ask for Python itself when there is just a script", async () => {
    workspace.write("tool.py", "");
    const { plan } = await workspace.detect("python");
    expect(plan["or"]).toEqual([{ provides: [{ name: "cpython" }] }]);
  });

  it("takes no Python that only the build has, and gives it the name python", async () => {
    workspace.write("main.py", "");
    const bin = (layer: string): string => join(workspace.layers("deb-packages"), layer, "usr/bin");
    for (const [layer, types] of Object.entries({ "build-packages": "build", "launch-packages": "launch" })) {
      mkdirSync(bin(layer), { recursive: true });
      writeFileSync(join(workspace.layers("deb-packages"), `${layer}.toml`), `[types]\n${types} = true\n`);
    }
    writeFileSync(join(bin("build-packages"), "python3"), "#!/bin/sh\nexit 9\n", { mode: 0o755 });
    symlinkSync("/usr/bin/python3", join(bin("launch-packages"), "python3"));
    const path = [bin("build-packages"), bin("launch-packages"), PYTHON_PATH].join(":");
    const outcome = await workspace.build("python", [], { PATH: path });
    expect(outcome.code).toBe(0);
    const python = join(workspace.layers("python"), "python/bin/python");
    expect(execFileSync(python, ["-c", "print(42)"]).toString()).toBe("42\n");
    expect(readFileSync(join(workspace.layers("python"), "python/env.launch/PYTHONUNBUFFERED.default"), "utf8")).toBe(
      "1",
    );
  });

  it.each([
    [{ ".python-version": "# ours\n3\n" }, {}],
    [{ "runtime.txt": "python-3\n" }, {}],
    [{ "pyproject.toml": '[project]\nrequires-python = ">=3.8, !=3.9.*,<4"\n' }, {}],
    [{ "pyproject.toml": '[tool.poetry.dependencies]\npython = "^2.7 || ^3.9"\n' }, {}],
    [{ "uv.lock": 'requires-python = "~=3.2"\n' }, {}],
    [{ ".python-version": "2.7\n" }, { BP_CPYTHON_VERSION: "3.*" }],
  ])("accepts %j with %j", async (files, variables) => {
    for (const [path, content] of Object.entries(files)) workspace.write(path, content);
    const outcome = await workspace.build("python", [], { ...env, ...variables });
    expect(outcome.output).toMatch(/^Python 3\.\d+\.\d+: satisfies /);
    expect(outcome.code).toBe(0);
    expect(workspace.toml("python", "python.toml")).toEqual({ types: { build: true, launch: true } });
  });

  it.each([
    [{ ".python-version": "\n# pinned\n3.4.1\n" }, {}, '.python-version:3: the application asks for Python "3.4.1"'],
    [{ "runtime.txt": "python-2.7\n" }, {}, 'runtime.txt:1: the application asks for Python "2.7"'],
    [{ "pyproject.toml": '[project]\nrequires-python = ">=3.99"\n' }, {}, "pyproject.toml:2: the application asks"],
    [{ "pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.4"\n' }, {}, "pyproject.toml:2: the application"],
    [{ "uv.lock": 'version = 1\nrequires-python = ">=3.98"\n' }, {}, "uv.lock:2: the application asks"],
    [{ ".python-version": "pypy3\n" }, {}, '.python-version:1: "pypy3" is no version or range'],
    [{ ".python-version": "\n" }, {}, ".python-version is empty"],
    [{ "pyproject.toml": "[project\n" }, {}, "pyproject.toml is not valid TOML"],
    [{ "main.py": "" }, { BP_CPYTHON_VERSION: "2.*" }, 'BP_CPYTHON_VERSION: the application asks for Python "2.*"'],
  ])("refuses %j with %j, with place and remedy", async (files, variables, message) => {
    for (const [path, content] of Object.entries(files)) workspace.write(path, content);
    const outcome = await workspace.build("python", [], { ...env, ...variables });
    expect(outcome.output).toContain(`ERROR: ${message}`);
    expect(outcome.output).toContain("\nhint: ");
    expect(outcome.code).toBe(1);
  });
});
