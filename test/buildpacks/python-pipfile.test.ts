import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PYTHON_PATH, readWanted, skipWithoutPython } from "./python-tools.ts";
import { Workspace } from "./workspace.ts";

const tools = skipWithoutPython();
const hash = (digit: string): string => `sha256:${digit.repeat(64)}`;

const entry = (version: string, more: object = {}): object => ({
  hashes: [hash("b"), hash("a")],
  version: `==${version}`,
  ...more,
});
const META = { "pipfile-spec": 6, requires: {}, sources: [{ name: "own", url: "https://packages.invalid/simple" }] };
const PIPFILE =
  '[packages]\nalpha = "~=1.0"\nBeta_x = {version = "*", extras = ["fast"]}\n\n[dev-packages]\ntests = "*"\n';
const LOCKED = {
  alpha: entry("1.5", { index: "own" }),
  "beta-x": entry("2", { markers: "python_version >= '3.8'" }),
  windows: entry("3", { markers: "sys_platform == 'win32'" }),
};
const LOCK = { _meta: META, default: LOCKED, develop: { tests: entry("9"), alpha: entry("1.5") } };

describe.skipIf(tools.skip)(`Pipfile.lock${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
    workspace.write("Pipfile", PIPFILE);
    workspace.write("Pipfile.lock", LOCK);
  });
  afterEach(() => {
    workspace.remove();
  });
  const wanted = async (execEnv?: string): Promise<string> =>
    (await readWanted(workspace, "pip-install", execEnv)).output;
  const line = (name: string, version: string): string =>
    `${name}==${version} --hash=${hash("a")} --hash=${hash("b")}\n`;

  it("gives the packages of this machine with all their hashes, and for tests the others, too", async () => {
    expect(await wanted()).toBe(line("alpha", "1.5") + line("beta-x", "2"));
    expect(await wanted("test")).toBe(line("alpha", "1.5") + line("beta-x", "2") + line("tests", "9"));
  });

  it("takes packages of Git by their commit, and directories of the application, but none outside of it", async () => {
    workspace.write("Pipfile", "");
    const git = { git: "https://git.invalid/a.git", ref: "c0ffee" };
    workspace.write("Pipfile.lock", { _meta: META, default: { a: git, own: { path: "./lib", editable: true } } });
    expect(await wanted()).toBe(`a @ git+https://git.invalid/a.git@c0ffee\nfile://${workspace.app}/lib\n`);
    workspace.write("Pipfile.lock", { _meta: META, default: { own: { path: "../lib" } } });
    expect(await wanted()).toContain("own is outside of the application: ../lib");
  });

  it.each([
    ["Pipfile", '[packages]\nmissing = "*"\n', "Pipfile:2: missing is asked for, but Pipfile.lock does not have it"],
    ["Pipfile", '[packages]\nalpha = "<1"\n', 'Pipfile:2: Pipfile.lock has alpha 1.5, but "<1" is asked for'],
    ["Pipfile", '[packages]\nalpha = "newest"\n', 'Pipfile:2: "newest" is no version or range of alpha'],
    ["Pipfile.lock", "{", "Pipfile.lock is not valid JSON"],
    ["Pipfile.lock", { default: {} }, "Pipfile.lock: pipfile-spec None is not known"],
    [
      "Pipfile.lock",
      { _meta: META, default: { ...LOCKED, alpha: { version: "==1.5" } } },
      "Pipfile.lock:1: Pipfile.lock has no version or no hash of alpha",
    ],
  ])("%s with %j is an error with file, line and remedy", async (file, content, message) => {
    workspace.write(file, content);
    const output = await wanted();
    expect(output).toContain(`ERROR: ${message}`);
    expect(output).toMatch(/hint: .*(pipenv lock|Pipenv|write it)/);
  });

  it("is for pip-install and python; a Pipfile without it, or it alone, is an error with the remedy", async () => {
    for (const id of ["python", "pip-install", "python-start"])
      expect(await workspace.detect(id, { PATH: PYTHON_PATH })).toMatchObject({ code: 0 });
    workspace.replaceApp();
    workspace.write("Pipfile", PIPFILE);
    expect(await workspace.detect("pip-install")).toMatchObject({
      code: 1,
      output: 'ERROR: there is a Pipfile, but no Pipfile.lock\nhint: make one with "pipenv lock" and commit it\n',
    });
    workspace.replaceApp();
    workspace.write("Pipfile.lock", LOCK);
    expect(await workspace.detect("pip-install")).toMatchObject({ code: 1 });
  });

  it("its Python has to be the distribution's: file, line, what was asked for and what there is", async () => {
    workspace.write("Pipfile", '[requires]\npython_version = "2.7"\n');
    const { code, output } = await workspace.build("python", [], { PATH: PYTHON_PATH });
    expect(code).toBe(1);
    expect(output).toMatch(/ERROR: Pipfile:2: the application asks for Python "2\.7", but .* has 3\.\d+\.\d+/);
    expect(output).toMatch(/hint: change it to "3\.\d+" and run "pipenv lock"/);
  });
});
