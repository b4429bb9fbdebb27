"""Which object of which module is the web application? Sources are read and never run."""

import ast
import glob
import os
import re
from dataclasses import dataclass

# Classes whose objects are applications, and the interface that they speak.
FRAMEWORKS = {
    "Flask": "wsgi",
    "Bottle": "wsgi",
    "APIFlask": "wsgi",
    "FastAPI": "asgi",
    "Starlette": "asgi",
    "Quart": "asgi",
    "Litestar": "asgi",
}
MODULES = {"flask": "wsgi", "bottle": "wsgi", "apiflask": "wsgi", "fastapi": "asgi", "starlette": "asgi", "quart": "asgi", "litestar": "asgi"}
FILES = ("wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "api.py", "__init__.py")
FACTORIES = ("create_app", "make_app")
NAMES = ("app", "application", "api", "server")


@dataclass
class Application:
    """`module:name`, and whether the name is a function that makes the application."""

    file: str
    line: int
    module: str
    name: str
    interface: str
    factory: bool = False


def parse(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            return ast.parse(file.read())
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return None


def candidates():
    """Files in which people put the application: of the directory itself, of packages in it, of packages in src."""
    found = [name for name in FILES[:-1] if os.path.isfile(name)]
    for base in ("", "src/"):
        for directory in sorted(glob.glob(f"{base}*/")):
            if os.path.basename(directory[:-1]) in ("tests", "test", "docs", "node_modules", "venv", "migrations"):
                continue
            found += [directory + name for name in FILES if os.path.isfile(directory + name)]
    return [one for one in found if re.fullmatch(r"[\w/]+\.py", one)]


def module_of(path):
    """The name by which a file is imported; sources below src are linked into the environment."""
    name = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def called(node):
    """The name of the class or function that is called: Flask of flask.Flask(...)."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def imported_interface(tree):
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.split(".")[0] in MODULES:
                return MODULES[name.split(".")[0]]
    return None


def needs_arguments(function):
    """A factory is called without any."""
    given = function.args
    return len(given.args) + len(given.posonlyargs) > len(given.defaults) or any(one is None for one in given.kw_defaults)


def applications_in(path):
    tree = parse(path)
    if tree is None:
        return []
    by_file = {"wsgi.py": "wsgi", "asgi.py": "asgi"}.get(os.path.basename(path))
    found, factories = [], []
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = next((one.id for one in targets if isinstance(one, ast.Name)), None)
            interface = FRAMEWORKS.get(called(node.value)) or (by_file if name in NAMES else None)
            if called(node.value) in FACTORIES:
                interface = interface or imported_interface(tree)
            if name and interface:
                found.append(Application(path, node.lineno, module_of(path), name, interface))
        elif isinstance(node, ast.ImportFrom) and by_file:
            for one in node.names:
                if (one.asname or one.name) in NAMES:
                    found.append(Application(path, node.lineno, module_of(path), one.asname or one.name, by_file))
        elif isinstance(node, ast.FunctionDef) and node.name in FACTORIES and not needs_arguments(node):
            interface = imported_interface(tree)
            if interface:
                factories.append(Application(path, node.lineno, module_of(path), node.name, interface, True))
    found.sort(key=lambda one: NAMES.index(one.name) if one.name in NAMES else len(NAMES))
    return found + factories


def find_application():
    """The first one, files in the order in which people would look."""
    return next((one for path in candidates() for one in applications_in(path)), None)


def runs_itself(path):
    """Has the file a part that is for being run as a program?"""
    tree = parse(path)
    return tree is not None and any(
        isinstance(node, ast.If) and "__name__" in ast.dump(node.test) and "__main__" in ast.dump(node.test) for node in tree.body
    )


def find_script():
    files = [name for name in ("main.py", "app.py", "server.py", "__main__.py") if os.path.isfile(name)]
    return next((one for one in files if runs_itself(one)), files[0] if files else None)
