import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeIndex, startFakeIndex } from "../buildpacks/python-index.ts";
import { PYTHON_PATH, skipWithoutPython } from "../buildpacks/python-tools.ts";
import { type Outcome, Workspace } from "../buildpacks/workspace.ts";

const tools = skipWithoutPython();
const DOWN = "http://127.0.0.1:9/simple";
const WRONG = "0".repeat(64);

/** How each tool writes down one package; the name of the package is in line 5 of both. */
const LOCKS = {
  "uv-install": (version: string, hash: string): readonly [string, string] => [
    "uv.lock",
    `version = 1\nrequires-python = ">=3.8"\n\n[[package]]\nname = "alpha"\nversion = "${version}"\n` +
      `source = { registry = "x" }\nwheels = [{ url = "x/alpha.whl", hash = "sha256:${hash}" }]\n`,
  ],
  "poetry-install": (version: string, hash: string): readonly [string, string] => [
    "poetry.lock",
    `# made\n# by\n# hand\n[[package]]\nname = "alpha"\nversion = "${version}"\noptional = false\npython-versions = "*"\n` +
      `groups = ["main"]\nfiles = [{ file = "alpha.whl", hash = "sha256:${hash}" }]\n\n[metadata]\nlock-version = "2.1"\n`,
  ],
} as const;

describe.skipIf(tools.skip).each(["uv-install", "poetry-install"] as const)(`%s${tools.note}`, (id) => {
  let index: FakeIndex;
  let workspace: Workspace;
  beforeAll(async () => {
    index = await startFakeIndex([{ name: "alpha", version: "1.0" }]);
  });
  afterAll(() => index.close());
  beforeEach(() => {
    workspace = new Workspace();
    workspace.write("pyproject.toml", '[project]\nname = "app"\nversion = "1"\ndependencies = [\n  "alpha",\n]\n');
  });
  afterEach(() => {
    workspace.remove();
  });

  const build = (version: string, hash: string, url = index.url): Promise<Outcome> => {
    workspace.write(...LOCKS[id](version, hash));
    return workspace.build(id, [], { PATH: PYTHON_PATH, PIP_INDEX_URL: url, PIP_RETRIES: "0" });
  };
  const expectNothingKept = (): void => {
    expect(existsSync(join(workspace.layers(id), "venv.toml"))).toBe(false);
    expect(existsSync(join(workspace.layers(id), "venv/lib"))).toBe(false);
  };
  const lock = id.replace("-install", ".lock");

  it("installs the lock of this test when nothing is wrong", async () => {
    expect(await build("1.0", index.hash("alpha", "1.0"))).toMatchObject({ code: 0 });
  });

  it("says which line of the lock has another hash than the registry's file", async () => {
    const outcome = await build("1.0", WRONG);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(`ERROR: ${lock}:5: alpha does not match its hash: expected ${WRONG}, got `);
    expect(outcome.output).toContain("\nhint: ");
    expectNothingKept();
  });

  it("says which line of the lock has a version that the registry does not have", async () => {
    const outcome = await build("1.5", WRONG);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(`ERROR: ${lock}:5: no version satisfies "alpha==1.5"; the newest are 1.0`);
    expectNothingKept();
  });

  it("says that the registry is down, and how to name another", async () => {
    const outcome = await build("1.0", WRONG, DOWN);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain("ERROR: the registry of Python packages could not be reached\nhint: ");
    expect(outcome.output).toContain("PIP_INDEX_URL");
    expectNothingKept();
  });
});

describe.skipIf(tools.skip)(`frameworks that do not work with this Python${tools.note}`, () => {
  let index: FakeIndex;
  let workspace: Workspace;
  beforeAll(async () => {
    const source = "raise ImportError(\"cannot import name 'escape' from 'jinja2'\")\n";
    index = await startFakeIndex([
      { name: "flask", version: "1.0", source },
      { name: "flask", version: "3.0" },
      { name: "uvicorn", version: "1.0" },
    ]);
  });
  afterAll(() => index.close());
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  const build = (requirements: string): Promise<Outcome> => {
    workspace.write("requirements.txt", requirements);
    return workspace.build("pip-install", [], { PATH: PYTHON_PATH, PIP_INDEX_URL: index.url, PIP_RETRIES: "0" });
  };

  it("are an error of the build, with file, line, versions and Python's own reason; nothing of them is kept", async () => {
    const { code, output } = await build("uvicorn==1.0\nFlask==1.0\n");
    expect(code).toBe(1);
    expect(output).toMatch(
      /ERROR: requirements\.txt:2: flask 1\.0 does not work with Python 3\.\d+\.\d+ .*: ImportError: cannot import name 'escape' from 'jinja2'\nhint: take a newer flask/,
    );
    expect(existsSync(join(workspace.layers("pip-install"), "venv"))).toBe(false);
    expect(await build("uvicorn==1.0\nFlask==3.0\n")).toMatchObject({ code: 0 });
  });
});
