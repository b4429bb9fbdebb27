import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PYTHON_PATH, readWanted, skipWithoutPython } from "./python-tools.ts";
import { buildpackDirectory, Workspace } from "./workspace.ts";

const tools = skipWithoutPython();
const sample = (name: string): string => `${buildpackDirectory(".")}/../samples/${name}`;
const hash = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** The packages, without their hashes, which every line has to have. */
function packagesOf(output: string): readonly string[] {
  const lines = output.trim().split("\n");
  for (const line of lines) expect(line).toMatch(/^\S+==\S+( --hash=sha256:[0-9a-f]{64})+$/);
  return lines.map((line) => line.split(" ")[0] ?? "");
}

const uvPackage = (name: string, version: string, more = ""): string =>
  `[[package]]\nname = "${name}"\nversion = "${version}"\nsource = { registry = "https://packages.invalid/simple" }\n` +
  `wheels = [{ url = "https://packages.invalid/x.whl", hash = "${hash("a")}" }]\n${more}\n`;
const poetryPackage = (name: string, version: string, more = ""): string =>
  `[[package]]\nname = "${name}"\nversion = "${version}"\noptional = false\npython-versions = ">=3.8"\n` +
  `files = [{ file = "x.whl", hash = "${hash("a")}" }]\n${more}\n`;
const poetryEnd = '[metadata]\nlock-version = "2.1"\n';

const WHEELS = "/usr/share/python-wheels";
const CONSTRAINTS: readonly (readonly [text: string, accepted: readonly string[], refused: readonly string[]])[] = [
  ["^1.2", ["1.2", "1.9.9"], ["1.1.9", "2.0", "2.0rc1"]],
  ["^0.2.3", ["0.2.3", "0.2.9"], ["0.3", "1.0"]],
  ["^0.0.3", ["0.0.3"], ["0.0.4"]],
  ["^0", ["0.9"], ["1.0"]],
  ["~1.2", ["1.2.0", "1.2.7"], ["1.3", "2"]],
  ["~1", ["1.9"], ["2.0"]],
  ["~=1.2", ["1.9"], ["2.0", "1.1"]],
  ["1.2.*", ["1.2", "1.2.5"], ["1.3"]],
  ["1.2", ["1.2.0"], ["1.2.1"]],
  [">= 1, <2 || ^3", ["1.5", "3.1"], ["2.1", "4"]],
  ["*", ["0.1", "99"], []],
];

describe.skipIf(tools.skip)(`lock files${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  it("of Poetry itself: the packages of the image, and more of them for tests", async () => {
    workspace.replaceApp(sample("python-django"));
    const production = packagesOf((await readWanted(workspace, "poetry-install")).output);
    const test = packagesOf((await readWanted(workspace, "poetry-install", "test")).output);
    const names = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split("==")[0] ?? "");
    expect(names(production)).toEqual(["asgiref", "django", "gunicorn", "packaging", "sqlparse", "whitenoise"]);
    expect(names(test)).toEqual(expect.arrayContaining(["pytest", "pytest-django", "iniconfig", ...names(production)]));
    expect(names(test)).not.toContain("colorama");
  });

  it("of uv itself: the packages of the image, and more of them for tests", async () => {
    workspace.replaceApp(sample("python-fastapi"));
    const production = packagesOf((await readWanted(workspace, "uv-install")).output);
    const test = packagesOf((await readWanted(workspace, "uv-install", "test")).output);
    expect(production.map((one) => one.split("==")[0])).toEqual(
      expect.arrayContaining(["fastapi", "pydantic-core", "starlette", "uvicorn"]),
    );
    expect(production.some((one) => one.startsWith("httpx"))).toBe(false);
    expect(test.some((one) => one.startsWith("httpx"))).toBe(true);
    expect([...production, ...test].some((one) => /^(colorama|harbour)=/.test(one))).toBe(false);
  });

  it("of uv: markers, extras and versions for other Pythons", async () => {
    workspace.write(
      "pyproject.toml",
      '[project]\nname = "app"\ndependencies = ["alpha[fast]>=1", "gone; os_name == \'nt\'"]\n',
    );
    const dependencies = `dependencies = [
      { name = "beta", version = "1", marker = "python_version < '3.0'" },
      { name = "beta", version = "2", marker = "python_version >= '3.0'" }]
    [package.optional-dependencies]
    fast = [{ name = "speed" }]
    slow = [{ name = "sloth" }]`;
    const others = ["speed", "sloth"].map((name) => uvPackage(name, "1")).join("");
    const betas = uvPackage("beta", "1") + uvPackage("beta", "2");
    workspace.write("uv.lock", `version = 1\n${uvPackage("alpha", "1.5", dependencies)}${betas}${others}`);
    expect(packagesOf((await readWanted(workspace, "uv-install")).output)).toEqual([
      "alpha==1.5",
      "beta==2",
      "speed==1",
    ]);
  });

  it("of uv: commits, directories of the application", async () => {
    workspace.write("pyproject.toml", '[project]\nname = "app"\ndependencies = ["alpha", "member"]\n');
    const source = 'git = "https://git.invalid/alpha?rev=v1#0123456789012345678901234567890123456789"';
    workspace.write(
      "uv.lock",
      `version = 1\n[[package]]\nname = "alpha"\nversion = "1"\nsource = { ${source} }\n` +
        `[[package]]\nname = "member"\nversion = "1"\nsource = { editable = "packages/member" }\n` +
        `[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n`,
    );
    expect((await readWanted(workspace, "uv-install")).output.trim().split("\n")).toEqual([
      "alpha @ git+https://git.invalid/alpha@0123456789012345678901234567890123456789",
      `member @ file://${workspace.app}/packages/member`,
    ]);
  });

  it("of Poetry: constraints accept what Poetry accepts", () => {
    const program = `import sys; sys.path[:0] = sys.argv[1:3]
from pip._vendor import packaging
import pip._vendor.packaging.specifiers, pip._vendor.packaging.version, json
for name in [one for one in sys.modules if one.startswith("pip._vendor.packaging")]:
    sys.modules[name.removeprefix("pip._vendor.")] = sys.modules[name]
from constraint import parse
print(json.dumps([[text, [one for one in versions if parse(text)(one)]] for text, versions in json.load(sys.stdin)]))`;
    const pip = existsSync(WHEELS) ? readdirSync(WHEELS).filter((one) => one.startsWith("pip-")) : [];
    const args = [
      "-B",
      "-c",
      program,
      join(buildpackDirectory("poetry-install"), "lib"),
      join(WHEELS, pip[0] ?? "none"),
    ];
    const input = JSON.stringify(CONSTRAINTS.map(([text, accepted, refused]) => [text, [...accepted, ...refused]]));
    const output = execFileSync("python3", args, { input, env: { PATH: PYTHON_PATH } }).toString();
    expect(JSON.parse(output)).toEqual(CONSTRAINTS.map(([text, accepted]) => [text, accepted]));
  });

  it("of Poetry: a locked version that pyproject.toml does not accept is an error", async () => {
    workspace.write("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\nalpha = "^1.2"\n');
    workspace.write("poetry.lock", poetryPackage("alpha", "2.0") + poetryEnd);
    const { code, output } = await readWanted(workspace, "poetry-install");
    expect(code).toBe(1);
    expect(output).toContain('pyproject.toml:3: poetry.lock has alpha 2.0, but "^1.2"');
    expect(output).toContain('run "poetry lock"');
  });

  it("of Poetry: optional packages only by their extra, several versions by their markers", async () => {
    workspace.write("pyproject.toml", '[tool.poetry.dependencies]\nalpha = { version = "*", extras = ["fast"] }\n');
    const alpha = `[package.dependencies]\nspeed = { version = "*", optional = true }\nsloth = { version = "*", optional = true }
      beta = [{ version = "<2", markers = "python_version < '3'" }, { version = ">=2", markers = "python_version >= '3'" }]
      [package.extras]\nfast = ["speed (>=1)"]\nslow = ["sloth"]`;
    const others = poetryPackage("speed", "1") + poetryPackage("sloth", "1");
    const betas = poetryPackage("beta", "1") + poetryPackage("beta", "2");
    workspace.write("poetry.lock", poetryPackage("alpha", "1", alpha) + betas + others + poetryEnd);
    expect(packagesOf((await readWanted(workspace, "poetry-install")).output)).toEqual([
      "alpha==1",
      "beta==2",
      "speed==1",
    ]);
  });

  it("without any lock file, pyproject.toml says what pip is asked for, and more of it for tests", async () => {
    const groups =
      '[dependency-groups]\ndev = [{ include-group = "lint" }, "pytest"]\nlint = ["ruff"]\ndocs = ["sphinx"]\n';
    workspace.write("pyproject.toml", `[project]\nname = "app"\ndependencies = ["flask>=3", "beta[x]"]\n${groups}`);
    const wanted = async (execEnv: string): Promise<readonly string[]> =>
      (await readWanted(workspace, "pip-install", execEnv)).output.split("\n").filter((line) => /^\S+$/.test(line));
    expect(await wanted("production")).toEqual(["beta[x]", "flask>=3"]);
    expect(await wanted("test")).toEqual(["beta[x]", "flask>=3", "pytest", "ruff"]);
  });

  it.each([
    [
      "uv",
      '[project]\nname = "app"\ndependencies = [\n  "alpha>=2",\n]\n',
      'pyproject.toml:4: uv.lock has alpha 1.5, but ">=2"',
    ],
    [
      "uv",
      '[project]\ndependencies = ["nowhere"]\n',
      "pyproject.toml:2: nowhere is asked for, but uv.lock does not have it",
    ],
    ["uv", '[project]\ndependencies = ["!"]\n', 'pyproject.toml:2: project.dependencies: "!" is no requirement'],
    ["poetry", '[tool.poetry.dependencies]\nalpha = "^2"\n', 'pyproject.toml:2: poetry.lock has alpha 1.5, but "^2"'],
    [
      "poetry",
      '[tool.poetry.dependencies]\nalpha = ">>2"\n',
      'pyproject.toml:2: ">>2" is no version or range of alpha',
    ],
  ])("that contradict pyproject.toml are an error: %s %j", async (tool, pyproject, message) => {
    workspace.write("pyproject.toml", pyproject);
    workspace.write("uv.lock", `version = 1\n${uvPackage("alpha", "1.5")}`);
    workspace.write("poetry.lock", poetryPackage("alpha", "1.5") + poetryEnd);
    const outcome = await readWanted(workspace, `${tool}-install`);
    expect(outcome.output).toContain(`ERROR: ${message}`);
    expect(outcome.code).toBe(1);
  });

  it.each([
    ["uv", "version = 7\n", "uv.lock:1: version 7 of the lock file is not known"],
    ["uv", "version = [\n", "uv.lock is not valid TOML"],
    ["poetry", '[metadata]\nlock-version = "1.1"\n', "poetry.lock: lock-version 1.1: expected is 2.0 or 2.1"],
    [
      "uv",
      `version = 1\n[[package]]\nname = "alpha"\nversion = "1"\nsource = { directory = "../../etc" }\n`,
      "alpha is outside of the application",
    ],
    [
      "uv",
      '[[package]]\nname = "alpha"\nversion = "1"\nsource = { registry = "x" }\n',
      "version None of the lock file",
    ],
    [
      "uv",
      'version = 1\n[[package]]\nname = "alpha"\nversion = "1"\nsource = { registry = "x" }\n',
      "uv.lock:3: uv.lock has no sha256 for alpha 1",
    ],
  ])("that are unknown, broken or lead elsewhere are an error: %s %j", async (tool, lock, message) => {
    workspace.write("pyproject.toml", '[project]\ndependencies = ["alpha"]\n');
    workspace.write(`${tool}.lock`, lock);
    const outcome = await readWanted(workspace, `${tool}-install`);
    expect(outcome.output).toContain(message);
    expect(outcome.code).toBe(1);
  });
});
