"""Do the frameworks that were installed work with this Python, and with what was installed beside them?

    frameworks.py VENV FILE

FILE names the packages, for messages. A framework that is too old says so only when it is imported, which otherwise would
be when the app starts.
"""

import importlib.metadata
import platform
import subprocess
import sys

from project import site_packages
from report import fail, line_of_name

# What of a framework an application imports in any case.
MODULES = {
    "django": ("django.core.handlers.wsgi", "django.db.models", "django.template", "django.urls"),
    "flask": ("flask",),
    "fastapi": ("fastapi",),
    "starlette": ("starlette.applications",),
    "quart": ("quart",),
    "litestar": ("litestar",),
    "bottle": ("bottle",),
    "gunicorn": ("gunicorn.app.wsgiapp",),
    "uvicorn": ("uvicorn",),
}
IMPORT = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"


def main(venv, path):
    installed = {one.name.lower(): one.version for one in importlib.metadata.distributions(path=[site_packages(venv)]) if one.name}
    for name, modules in MODULES.items():
        if name not in installed:
            continue
        done = subprocess.run([f"{venv}/bin/python", "-I", "-B", "-c", IMPORT, *modules], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["it ends without a word"])[-1]
            fail(
                f"{line_of_name(path, name)}: {name} {installed[name]} does not work with Python {platform.python_version()} and the packages beside it: {reason}",
                f"take a newer {name}, or versions of what it needs that fit it; or a builder of a distribution with the Python that it was made for",
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
