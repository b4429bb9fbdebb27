"""What poetry.lock has for this machine, as requirements of pip.

    wanted.py DIRECTORY

The registry is the one of the build: the sources in the lock file do not count, the hashes in it do.
"""

import os
import platform
import sys

from constraint import InvalidConstraint, parse
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from report import (
    development_groups,
    fail,
    group_requirements,
    is_test,
    line_of,
    listed,
    parse_requirement,
    read_toml,
    table,
    write_result,
)
from resolve import Dependency, Package, as_requirements, select

MANIFEST, LOCK, COMMAND = "pyproject.toml", "poetry.lock", "poetry lock"
APP = os.getcwd()


def accepts_of(text, path, name):
    try:
        return parse(text)
    except InvalidConstraint:
        fail(f'{line_of(path, name)}: "{text}" is no version or range of {name}', 'write it as "^1.2" or ">=1.2,<2", for example')


def is_for_this_python(value):
    python = value.get("python") if isinstance(value, dict) else None
    return python is None or accepts_of(str(python), MANIFEST, "python")(platform.python_version())


def edges(name, value, path):
    """A dependency as Poetry writes it: a constraint, a table with one, or several tables for different machines."""
    found = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, (str, dict)):
            fail(f"{line_of(path, name)}: expected a version or a table for {name}, found {one!r}", "correct the file")
        details = one if isinstance(one, dict) else {"version": one}
        if not is_for_this_python(details):
            continue
        version = str(details.get("version", "*"))
        found.append(
            Dependency(
                name=name,
                extras=tuple(listed(details.get("extras"))),
                marker=details.get("markers"),
                accepts=accepts_of(version, path, name),
                shown=version,
            )
        )
    return found


def of_requirement(requirement):
    return Dependency(
        name=requirement.name,
        extras=tuple(requirement.extras),
        marker=requirement.marker,
        accepts=lambda version: requirement.url is not None or requirement.specifier.contains(version, prereleases=True),
        shown=str(requirement.specifier) or requirement.name,
    )


def extra_edges(value):
    """`["asgiref (>=3.2)"]`: the packages of an extra, in the lock."""
    found = []
    for text in listed(value):
        try:
            found.append(of_requirement(Requirement(text)))
        except InvalidRequirement:
            found.append(Dependency(name=text.split(" ")[0].split(";")[0].split("[")[0]))
    return found


def inside(path, name):
    full = os.path.normpath(os.path.join(APP, path))
    if not full.startswith(APP + os.sep):
        fail(f"{line_of(LOCK, path)}: {name} is outside of the application: {path}", "move it into the application's directory")
    return full


def where_from(name, source):
    kind, url = source.get("type"), str(source.get("url", ""))
    if kind == "git":
        folder = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        return f"{name} @ git+{url}@{source.get('resolved_reference')}{folder}", False
    if kind == "url":
        return f"{name} @ {url}", False
    if kind in ("directory", "file"):
        return f"{name} @ file://{inside(url, name)}", kind == "directory"
    return None, False


def marker_of(value):
    """From lock version 2.1 on a marker for the package itself, or one for each group."""
    marker = value.get("markers")
    if isinstance(marker, dict):
        groups = [group for group in listed(value.get("groups")) if group == "main" or is_test()]
        texts = [marker.get(group) for group in groups]
        return None if not texts or None in texts else " or ".join(f"({text})" for text in texts)
    return marker


def read_package(value):
    name, source = str(value.get("name")), table(value, "source")
    direct, local = where_from(name, source)
    dependencies = [edge for key, of in table(value, "dependencies").items() for edge in edges(key, of, LOCK)]
    optional = {key for key, of in table(value, "dependencies").items() if is_optional(of)}
    python = accepts_of(str(value.get("python-versions", "*")), LOCK, name)
    return Package(
        name=canonicalize_name(name),
        version=str(value.get("version")),
        hashes=[one["hash"] for one in listed(value.get("files")) if "hash" in one] if source.get("type") not in ("git", "directory") else [],
        dependencies=[edge for edge in dependencies if edge.name not in optional],
        extras={canonicalize_name(key): extra_edges(of) for key, of in table(value, "extras").items()},
        marker=marker_of(value) if python(platform.python_version()) else "python_version < '0'",
        direct=direct,
        local=local,
    )


def is_optional(value):
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, dict) and one.get("optional") is True for one in values)


def poetry_group(group):
    found = []
    for name, value in table(group, "dependencies").items():
        if name != "python" and not is_optional(value):
            found += edges(name, value, MANIFEST)
    return found


def roots(pyproject):
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    named = [parse_requirement(one, MANIFEST, "project.dependencies") for one in listed(project.get("dependencies"))]
    # Beside [project], Poetry's own table only says where packages come from and for which machines.
    found = [of_requirement(one) for one in named] if named else poetry_group(poetry)
    if not is_test():
        return found
    groups, own_groups = table(pyproject, "dependency-groups"), table(poetry, "group")
    for name in development_groups(groups):
        found += [of_requirement(one) for one in group_requirements(groups, name, MANIFEST)]
    for name in own_groups:
        # Poetry itself installs all groups that are not optional.
        if own_groups[name].get("optional") is not True or name in development_groups([name]):
            found += poetry_group(own_groups[name])
    for name, value in table(poetry, "dev-dependencies").items():
        found += edges(name, value, MANIFEST)
    return found


def main():
    pyproject, lock = read_toml(MANIFEST), read_toml(LOCK, f'make it anew: run "{COMMAND}"')
    version = str(table(lock, "metadata").get("lock-version", ""))
    if not version.startswith("2."):
        fail(f"{LOCK}: lock-version {version or 'is missing'}: expected is 2.0 or 2.1", f'make it with Poetry 1.3 or newer: run "{COMMAND}"')
    packages = {}
    for value in listed(lock.get("package")):
        package = read_package(value)
        packages.setdefault(package.name, []).append(package)
    chosen = select(packages, roots(pyproject), MANIFEST, LOCK, COMMAND)
    write_result(sys.argv[1], **as_requirements(chosen, LOCK))


main()
