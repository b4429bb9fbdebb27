"""What the readers of lock files share: errors, names, markers, and where something stands in a file."""

import json
import os
import re
import sys
import tomllib

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def fail(message, hint):
    print(f"ERROR: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(1)


def read_toml(path, hint="correct the file"):
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"{path} is not valid TOML: {error}", hint)


def line_of(path, text):
    """The first line with this text, for messages: `pyproject.toml:7`, or the path alone."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if text in line:
                return f"{path}:{number}"
    return path


def line_of_name(path, name):
    """Where a package is named; names are written with -, _ or . and in any case."""
    pattern = re.compile(r"(?<![\w.-])" + re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace(r"\-", "-")) + r"(?![\w-])", re.I)
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if pattern.search(line.split("#")[0]):
                return f"{path}:{number}"
    return path


def parse_requirement(text, path, field):
    if not isinstance(text, str):
        fail(f"{path}: {field}: expected a requirement in quotes, found {json.dumps(text, default=str)}", "correct the file")
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        fail(f'{line_of(path, text)}: {field}: "{text}" is no requirement: {reason}', 'write it as "flask>=3,<4", for example')


def applies(marker, extras=()):
    """Is an environment marker true here, with one of the extras or with none?"""
    if not marker:
        return True
    try:
        parsed = marker if isinstance(marker, Marker) else Marker(marker)
        return any(parsed.evaluate({"extra": extra}) for extra in (extras or ("",)))
    except InvalidMarker:
        fail(f'"{marker}" is no environment marker', "make the lock file anew")


def table(value, *keys):
    """The table below these keys; an empty one when it is missing or something else."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def listed(value):
    return value if isinstance(value, list) else []


def is_test():
    return os.environ.get("CNB_EXEC_ENV", "production") == "test"


# The groups and extras that are for development, as people call them.
DEVELOPMENT = ("dev", "test", "tests", "testing")


def development_groups(groups):
    return [name for name in groups if canonicalize_name(name) in DEVELOPMENT]


def group_requirements(groups, name, path, seen=()):
    """The requirements of a group of [dependency-groups] with those that it includes."""
    if name in seen:
        fail(f"{line_of(path, name)}: dependency-groups.{name} includes itself", "remove one include-group")
    entry = next((groups[key] for key in groups if canonicalize_name(key) == canonicalize_name(name)), None)
    if not isinstance(entry, list):
        fail(f"{line_of(path, name)}: there is no list dependency-groups.{name}", "write it, or remove include-group")
    found = []
    for one in entry:
        if isinstance(one, dict):
            found += group_requirements(groups, str(one.get("include-group")), path, (*seen, name))
        else:
            found.append(parse_requirement(one, path, f"dependency-groups.{name}"))
    return found


def own_package():
    """What decides how lib/project.py links the application's own package."""
    if not os.path.isfile("pyproject.toml"):
        return None
    pyproject = read_toml("pyproject.toml")
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    parts = [[one.get(key) for key in ("name", "version", "scripts")] for one in (project, poetry)]
    return [*parts, poetry.get("packages"), os.path.isdir("src")]


def write_result(directory, hashed=(), plain=(), key=None, always=None, source="", dependencies=False):
    """What lib/venv.sh reads: requirements with hashes, others, what decides the key, and a reason to install always."""
    with open(os.path.join(directory, "hashed.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in hashed)
    with open(os.path.join(directory, "plain.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in plain)
    with open(os.path.join(directory, "key"), "w", encoding="utf-8") as file:
        json.dump([list(hashed), list(plain), key, dependencies, own_package()], file, sort_keys=True, default=str)
    with open(os.path.join(directory, "source"), "w", encoding="utf-8") as file:
        file.write(source)
    if dependencies:
        open(os.path.join(directory, "dependencies"), "w", encoding="utf-8").close()
    if always:
        with open(os.path.join(directory, "always"), "w", encoding="utf-8") as file:
            file.write(always)
