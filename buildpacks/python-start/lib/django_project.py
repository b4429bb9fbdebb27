"""Django: its settings, its application for servers, its static files."""

import ast
import os
import re
import subprocess
import tempfile

from application import Application, parse
from problem import fail, say

MIGRATE = ["python", "manage.py", "migrate", "--noinput"]


def settings_module():
    """The module of DJANGO_SETTINGS_MODULE: the variable, else what manage.py says."""
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        return os.environ["DJANGO_SETTINGS_MODULE"]
    with open("manage.py", encoding="utf-8-sig") as file:
        match = re.search(r"""DJANGO_SETTINGS_MODULE["']\s*[,\]]\s*=?\s*["']([\w.]+)["']""", file.read())
    return match[1] if match else None


def is_django():
    if not os.path.isfile("manage.py"):
        return False
    with open("manage.py", encoding="utf-8-sig", errors="replace") as file:
        return "django" in file.read().lower()


def file_of(module):
    path = module.replace(".", "/")
    return next((one for one in (f"{path}.py", f"{path}/__init__.py", f"src/{path}.py") if os.path.isfile(one)), None)


def declared(path, name):
    """WSGI_APPLICATION = "site.wsgi.application" in the settings."""
    tree = parse(path) if path else None
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) and "." in node.value.value:
                return node.value.value, node.lineno
    return None


def find_django(prefers_asgi):
    """The application for a server. `prefers_asgi` when there is only a server for that interface."""
    settings = settings_module()
    if settings is None:
        fail("manage.py: DJANGO_SETTINGS_MODULE is not set in it", "set the variable DJANGO_SETTINGS_MODULE for the build, or in manage.py")
    path = file_of(settings)
    interfaces = ["asgi", "wsgi"] if prefers_asgi else ["wsgi", "asgi"]
    for interface in interfaces:
        found = declared(path, f"{interface.upper()}_APPLICATION")
        if found:
            module, _, name = found[0].rpartition(".")
            return Application(path, found[1], module, name, interface)
    package = settings.split(".")[0]
    for interface in interfaces:
        if file_of(f"{package}.{interface}"):
            return Application(file_of(f"{package}.{interface}"), 1, f"{package}.{interface}", "application", interface)
    fail(
        f"{path or settings}: neither WSGI_APPLICATION nor ASGI_APPLICATION, and there is no {package}/wsgi.py",
        f"write {package}/wsgi.py as django-admin startproject does, or a Procfile with a line web:",
    )


PROBE = """
import django
from django.conf import settings

django.setup()
print("collect", "django.contrib.staticfiles" in settings.INSTALLED_APPS, settings.STATIC_ROOT or "", sep="\\t")
"""


def environment():
    return {**os.environ, "DJANGO_SETTINGS_MODULE": settings_module(), "PYTHONPATH": os.getcwd()}


def run(command, what, hint):
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print("\n".join(done.stdout.strip().splitlines()[-15:]))
        fail(f"{what} failed with exit code {done.returncode}", hint)
    return done.stdout


def collect_static():
    """Runs collectstatic when the settings ask for it; the directory in the application, or None."""
    if os.environ.get("DISABLE_COLLECTSTATIC", "0") not in ("", "0", "false"):
        say("Static files are not collected: DISABLE_COLLECTSTATIC is set")
        return None
    hint = "its output is above; a variable that the settings need is given to the build by --env or project.toml; DISABLE_COLLECTSTATIC=1 leaves the static files alone"
    with tempfile.NamedTemporaryFile("w", suffix=".py") as probe:
        probe.write(PROBE)
        probe.flush()
        output = run(["python", probe.name], f"reading the settings {settings_module()}", hint)
    line = next((one for one in output.splitlines() if one.startswith("collect\t")), "collect\tFalse\t")
    _, wanted, root = line.split("\t")
    if wanted != "True":
        say("Static files are not collected: django.contrib.staticfiles is not in INSTALLED_APPS")
        return None
    if not root:
        say("Static files are not collected: STATIC_ROOT is not set")
        return None
    result = run(["python", "manage.py", "collectstatic", "--noinput", "--verbosity", "1"], "manage.py collectstatic", hint)
    say(f"collectstatic: {next((one for one in reversed(result.strip().splitlines()) if one), 'nothing to do')}")
    directory = os.path.relpath(root)
    return None if directory.startswith("..") or directory == "." else directory
