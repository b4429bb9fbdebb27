"""Chooses the processes of a Python application and writes launch.toml and what they need at launch."""

import json
import os
import re
import shutil
import sys
import tomllib

from application import find_application, find_script
from django_project import MIGRATE, collect_static, find_django, is_django
from problem import fail, say

DEFAULT_PORT = "8080"
SERVERS = {"wsgi": "gunicorn", "asgi": "uvicorn"}


def has(program):
    return shutil.which(program) is not None


def has_procfile_web():
    if not os.path.isfile("Procfile"):
        return False
    with open("Procfile", encoding="utf-8", errors="replace") as file:
        return any(re.match(r"\s*web\s*:", line) for line in file)


def where_to_add():
    """The file in which this application names its packages."""
    for lock, command in (("uv.lock", "uv add {}"), ("poetry.lock", "poetry add {}"), ("Pipfile.lock", "pipenv install {}")):
        if os.path.isfile(lock):
            return f'run "{command}" and commit {lock}'
    return "add {} to " + ("requirements.txt" if os.path.isfile("requirements.txt") else "project.dependencies in pyproject.toml")


def served(found):
    """The command that serves an application. Servers read the port from the environment, so no shell is needed."""
    target = f"{found.module}:{found.name}"
    if found.interface == "wsgi" and has("gunicorn"):
        return ["gunicorn", f"{target}()" if found.factory else target]
    if found.interface == "asgi" and has("uvicorn"):
        return ["uvicorn", target, *(["--factory"] if found.factory else [])]
    return None


def single_program():
    """The only program of the application's own package."""
    try:
        with open("pyproject.toml", "rb") as file:
            scripts = tomllib.load(file).get("project", {}).get("scripts", {})
    except (OSError, tomllib.TOMLDecodeError, AttributeError):
        return None
    return next(iter(scripts)) if isinstance(scripts, dict) and len(scripts) == 1 else None


def no_server(found):
    server = SERVERS[found.interface]
    fail(
        f"{found.file}:{found.line}: {found.module}:{found.name} is a web application, but its server {server} is not installed",
        f"{where_to_add().format(server)}, or write a Procfile with a line web:",
    )


def web_command():
    """The command of the web process and the line that says why."""
    if is_django():
        found = find_django(prefers_asgi=has("uvicorn") and not has("gunicorn"))
    else:
        found = find_application()
    command = served(found) if found else None
    if command:
        return command, f"{found.module}:{found.name} ({found.file}:{found.line})"
    script = None if is_django() else find_script()
    if found and found.file != script:
        return no_server(found)
    if found:
        # A file that is no more than a module of a framework does not serve anything by itself.
        from application import runs_itself

        if not runs_itself(script):
            return no_server(found)
        say(f"WARNING: {script} runs with its own server, which usually is one for development; {where_to_add().format(SERVERS[found.interface])}")
    if script:
        return ["python", script], f"{script}"
    program = single_program()
    if program:
        return [program], f"project.scripts.{program} in pyproject.toml"
    return None


def test_command():
    if has("pytest"):
        return ["python", "-m", "pytest"]
    return ["python", "manage.py", "test"] if is_django() else ["python", "-m", "unittest"]


def process(kind, command, default=False, exec_env=None):
    # A list of strings in JSON is one in TOML as well.
    lines = ["[[processes]]", f'type = "{kind}"', f"command = {json.dumps(command)}"]
    if default:
        lines.append("default = true")
    if exec_env:
        lines.append(f"exec-env = {json.dumps(exec_env)}")
    return "\n".join(lines) + "\n"


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def launch_program(source, target, **values):
    """A program of lib/ that runs before the web process. Its interpreter is the very one of the image."""
    with open(os.path.join(os.path.dirname(__file__), source), encoding="utf-8") as file:
        text = file.read()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    write(target, f"#!{sys.executable} -ISB\n{text}", 0o755)


def write_environment(layer, command):
    shutil.rmtree(layer, ignore_errors=True)
    write(f"{layer}/env.launch/PORT.default", DEFAULT_PORT)
    if command and command[0] in SERVERS.values():
        launch_program("workers.py", f"{layer}/exec.d/web/10-workers", server=command[0])
    if command and command[0] == "uvicorn":
        write(f"{layer}/env.launch/web/UVICORN_HOST.default", "0.0.0.0")
    if is_django() and os.environ.get("BP_DJANGO_MIGRATE_ON_START", "").lower() in ("1", "true", "yes"):
        launch_program("migrate.py", f"{layer}/exec.d/web/20-migrate", command=json.dumps(MIGRATE))
    write(f"{layer}.toml", "[types]\nlaunch = true\n")


def main(layers):
    is_test = os.environ.get("CNB_EXEC_ENV") == "test"
    found = None if has_procfile_web() else web_command()
    if found is None and not os.path.isfile("Procfile") and not is_test:
        fail(
            "there is no start command: no Django, no Flask or FastAPI application, no main.py, app.py or server.py",
            'write a Procfile with a line such as "web: python -m yourpackage"',
        )
    processes = []
    if found:
        say(f"web: {' '.join(found[0])}: {found[1]}")
        processes.append(process("web", found[0], default=True))
    if is_test:
        say(f"test: {' '.join(test_command())}")
        processes.append(process("test", test_command(), exec_env=["test"]))
    slices = ""
    if is_django():
        processes.append(process("migrate", MIGRATE))
        directory = collect_static()
        if directory:
            slices = f"[[slices]]\npaths = {json.dumps([directory + '/**'])}\n"
    write(f"{layers}/launch.toml", "\n".join([*processes, slices]))
    write_environment(f"{layers}/environment", found[0] if found else None)
