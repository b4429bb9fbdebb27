import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PYTHON_PATH, skipWithoutPython } from "./python-tools.ts";
import { type Environment, type Outcome, Workspace } from "./workspace.ts";

const tools = skipWithoutPython();
const FLASK = "from flask import Flask\n\napp = Flask(__name__)\n";
const FACTORY = "import flask\n\ndef create_app(config=None):\n    return flask.Flask(__name__)\n";
const FASTAPI = "import fastapi\n\nserver: fastapi.FastAPI = fastapi.FastAPI()\n";
const MAIN = '\nif __name__ == "__main__":\n    app.run()\n';

describe.skipIf(tools.skip)(`tspack/python-start${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  /** Builds with these files and these programs on PATH. */
  function build(
    files: Readonly<Record<string, string>>,
    programs: readonly string[],
    variables: Environment = {},
  ): Promise<Outcome> {
    for (const [path, content] of Object.entries(files)) workspace.write(path, content);
    const bin = join(workspace.root, "bin");
    mkdirSync(bin, { recursive: true });
    for (const program of programs) {
      writeFileSync(join(bin, program), "#!/bin/sh\n");
      chmodSync(join(bin, program), 0o755);
    }
    return workspace.build("python-start", [], { PATH: `${bin}:${PYTHON_PATH}`, ...variables });
  }

  const processes = (): unknown => workspace.toml("python-start", "launch.toml")["processes"];
  const environment = (): string => join(workspace.layers("python-start"), "environment");

  it.each([
    [{ "app.py": FLASK }, ["gunicorn", "app:app"]],
    [{ "app.py": FACTORY }, ["gunicorn", "app:create_app()"]],
    [
      { "wsgi.py": "from shop import app as application\n", "shop/__init__.py": FACTORY },
      ["gunicorn", "wsgi:application"],
    ],
    [{ "src/shop/__init__.py": FLASK }, ["gunicorn", "shop:app"]],
    [{ "shop/main.py": FASTAPI, "tests/app.py": FLASK }, ["uvicorn", "shop.main:server"]],
    [{ "main.py": "import starlette\n\ndef make_app():\n    pass\n" }, ["uvicorn", "main:make_app", "--factory"]],
    [{ "main.py": "print(1)\n" }, ["python", "main.py"]],
    [{ "server.py": "x = (\n", "main.py": FASTAPI }, ["uvicorn", "main:server"]],
    [{ "pyproject.toml": '[project.scripts]\nserve = "shop:run"\n' }, ["serve"]],
  ])("%j starts with %j", async (files, command) => {
    const outcome = await build(files, ["gunicorn", "uvicorn"]);
    expect(outcome.output).toContain(`web: ${command.join(" ")}`);
    expect(processes()).toEqual([{ type: "web", command, default: true }]);
    expect(readFileSync(join(environment(), "env.launch/PORT.default"), "utf8")).toBe("8080");
  });

  it.each([
    [
      { "app.py": FLASK, "requirements.txt": "flask\n" },
      "app.py:3: app:app is a web application, but its server gunicorn",
      "add gunicorn to requirements.txt",
    ],
    [
      { "main.py": FASTAPI, "uv.lock": "" },
      "main.py:3: main:server is a web application, but its server uvicorn",
      'run "uv add uvicorn"',
    ],
    [{ "lib.py": "", "requirements.txt": "" }, "there is no start command", "Procfile"],
    [{ "manage.py": "import django\n" }, "manage.py: DJANGO_SETTINGS_MODULE is not set in it", "set the variable"],
  ])("%j is an error: %s", async (files, message, hint) => {
    const outcome = await build(files, []);
    expect(outcome.code).toBe(1);
    expect(outcome.output).toContain(`ERROR: ${message}`);
    expect(outcome.output).toContain(hint);
  });

  it("runs a file with a server of its own, with a warning", async () => {
    const outcome = await build({ "app.py": FLASK + MAIN }, []);
    expect(outcome.output).toContain("WARNING: app.py runs with its own server");
    expect(processes()).toMatchObject([{ command: ["python", "app.py"] }]);
  });

  it("leaves web to a Procfile that has it", async () => {
    const outcome = await build({ Procfile: "web: ./serve\n", "app.py": FLASK }, []);
    expect(outcome.code).toBe(0);
    expect(processes()).toBeUndefined();
  });

  it("needs no web process where a Procfile has others", async () => {
    const outcome = await build({ Procfile: "worker: ./work\n", "lib.py": "", "requirements.txt": "" }, []);
    expect(outcome.code).toBe(0);
    expect(processes()).toBeUndefined();
  });

  it("gives a test process, with pytest when it is there, and needs no start then", async () => {
    await build({ "lib.py": "" }, ["pytest"], { CNB_EXEC_ENV: "test" });
    expect(processes()).toEqual([{ type: "test", command: ["python", "-m", "pytest"], "exec-env": ["test"] }]);
  });

  it.each([
    ["gunicorn", FLASK, { WEB_CONCURRENCY: "3" }, []],
    ["gunicorn", FLASK, {}, [/^WEB_CONCURRENCY = "\d+"$/]],
    ["uvicorn", FASTAPI, { PORT: "3000" }, [/^WEB_CONCURRENCY = "\d+"$/, /^UVICORN_PORT = "3000"$/]],
    ["uvicorn", FASTAPI, { UVICORN_PORT: "1", WEB_CONCURRENCY: "1" }, []],
  ])("at launch, %s gets what it was not given: %#", async (_server, source, variables, expected) => {
    await build({ "app.py": source }, ["gunicorn", "uvicorn"]);
    const launch = spawnSync(join(environment(), "exec.d/web/10-workers"), {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...variables },
    });
    expect(launch.status).toBe(0);
    const lines = String(launch.output[3])
      .trim()
      .split("\n")
      .filter((line) => line !== "");
    expect(lines).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(lines[index]).toMatch(pattern);
  });

  it("migrates at each start of web only when the build was asked to", async () => {
    const files = {
      "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')  # django\n",
      "site/settings.py": 'WSGI_APPLICATION = "site.wsgi.application"\n',
    };
    const variables = { DISABLE_COLLECTSTATIC: "1" };
    await build(files, ["gunicorn"], variables);
    expect(processes()).toEqual([
      { type: "web", command: ["gunicorn", "site.wsgi:application"], default: true },
      { type: "migrate", command: ["python", "manage.py", "migrate", "--noinput"] },
    ]);
    expect(existsSync(join(environment(), "exec.d/web/20-migrate"))).toBe(false);
    await build(files, ["gunicorn"], { ...variables, BP_DJANGO_MIGRATE_ON_START: "true" });
    expect(existsSync(join(environment(), "exec.d/web/20-migrate"))).toBe(true);
  });
});
