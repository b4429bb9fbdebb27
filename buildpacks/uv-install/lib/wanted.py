"""What uv.lock has for this machine, as requirements of pip.

    wanted.py DIRECTORY

The registry is the one of the build: the addresses in the lock file do not count, the hashes in it do.
"""

import os
import sys

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

MANIFEST, LOCK, COMMAND = "pyproject.toml", "uv.lock", "uv lock"
APP = os.getcwd()


def inside(path, name):
    """A directory or file of the application, as pip takes it."""
    full = os.path.normpath(os.path.join(APP, path))
    if full != APP and not full.startswith(APP + os.sep):
        fail(f"{line_of(LOCK, path)}: {name} is outside of the application: {path}", "move it into the application's directory")
    return full


def edge(value):
    version = value.get("version")
    return Dependency(
        name=str(value.get("name")),
        extras=tuple(listed(value.get("extra"))),
        marker=value.get("marker"),
        accepts=(lambda found: found == version) if version else (lambda found: True),
    )


def where_from(name, source, sdist):
    """How pip is told of a package that no registry has, and whether it is of the application."""
    if "git" in source:
        url, _, commit = str(source["git"]).partition("#")
        if not commit:
            fail(f"{line_of(LOCK, url)}: {name} has no commit", f'run "{COMMAND}"')
        address, _, query = url.partition("?")
        folder = [one for one in query.split("&") if one.startswith("subdirectory=")]
        return f"{name} @ git+{address}@{commit}{'#' + folder[0] if folder else ''}", False
    if "url" in source:
        return f"{name} @ {source['url']}", False
    for kind in ("directory", "editable", "path"):
        if kind in source:
            return f"{name} @ file://{inside(source[kind], name)}", kind != "path"
    return None, False


def read_package(value):
    name, source, sdist = str(value.get("name")), table(value, "source"), table(value, "sdist")
    own = source.get("virtual") == "." or source.get("editable") == "." or source.get("directory") == "."
    direct, local = (None, False) if own or "virtual" in source else where_from(name, source, sdist)
    files = listed(value.get("wheels")) + ([sdist] if sdist else [])
    return Package(
        name=canonicalize_name(name),
        version=str(value.get("version", "0")),
        hashes=[one["hash"] for one in files if isinstance(one, dict) and "hash" in one] if "git" not in source else [],
        dependencies=[edge(one) for one in listed(value.get("dependencies"))],
        extras={canonicalize_name(key): [edge(one) for one in listed(of)] for key, of in table(value, "optional-dependencies").items()},
        direct=direct,
        local=local,
        # The application itself and workspace members without a build system are not installed.
        skip=own or "virtual" in source,
    )


def of_manifest(requirement):
    return Dependency(
        name=requirement.name,
        extras=tuple(requirement.extras),
        marker=requirement.marker,
        accepts=lambda version: requirement.url is not None or requirement.specifier.contains(version, prereleases=True),
        shown=str(requirement.specifier) or requirement.name,
    )


def from_elsewhere(pyproject):
    """Names whose source tool.uv.sources replaces: their specifiers say nothing about the locked version."""
    return {canonicalize_name(name) for name in table(pyproject, "tool", "uv", "sources")}


def roots(pyproject):
    project = table(pyproject, "project")
    found = [parse_requirement(one, MANIFEST, "project.dependencies") for one in listed(project.get("dependencies"))]
    if is_test():
        groups = dict(table(pyproject, "dependency-groups"))
        old = listed(table(pyproject, "tool", "uv").get("dev-dependencies"))
        found += [parse_requirement(one, MANIFEST, "tool.uv.dev-dependencies") for one in old]
        defaults = table(pyproject, "tool", "uv").get("default-groups", [])
        names = list(groups) if defaults == "all" else [*development_groups(groups), *listed(defaults)]
        for name in dict.fromkeys(names):
            found += group_requirements(groups, name, MANIFEST)
        extras = table(project, "optional-dependencies")
        for name in development_groups(extras):
            found += [parse_requirement(one, MANIFEST, f"project.optional-dependencies.{name}") for one in listed(extras[name])]
    own, elsewhere = canonicalize_name(str(project.get("name", ""))), from_elsewhere(pyproject)
    edges = [of_manifest(one) for one in found if canonicalize_name(one.name) != own]
    for one in edges:
        if canonicalize_name(one.name) in elsewhere:
            one.accepts = lambda version: True
    return edges


def main():
    pyproject, lock = read_toml(MANIFEST), read_toml(LOCK, f'make it anew: run "{COMMAND}"')
    if lock.get("version") != 1:
        fail(f"{line_of(LOCK, 'version')}: version {lock.get('version')} of the lock file is not known", 'expected is 1: make it with uv 0.4 or newer, or export it: "uv export -o requirements.txt"')
    if os.path.isfile("poetry.lock"):
        print("poetry.lock is not used: there is a uv.lock")
    packages = {}
    for value in listed(lock.get("package")):
        package = read_package(value)
        packages.setdefault(package.name, []).append(package)
    chosen = select(packages, roots(pyproject), MANIFEST, LOCK, COMMAND)
    write_result(sys.argv[1], **as_requirements(chosen, LOCK))


main()
