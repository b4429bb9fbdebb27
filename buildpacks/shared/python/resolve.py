"""From what an application asks for to the packages of its lock file that are for this machine.

A lock file lists packages for all machines and groups; each of its dependencies has a marker that says where it counts.
"""

from dataclasses import dataclass, field
from typing import Callable

from packaging.utils import canonicalize_name

from report import applies, fail, line_of_name


@dataclass
class Dependency:
    """An edge: a package, the extras wanted of it, where it counts, and which versions are meant."""

    name: str
    extras: tuple = ()
    marker: str | None = None
    accepts: Callable[[str], bool] = lambda version: True
    shown: str = ""


@dataclass
class Package:
    """A package of a lock file. `direct` is set when it does not come from a registry: how pip is to be told of it."""

    name: str
    version: str
    hashes: list
    dependencies: list = field(default_factory=list)
    extras: dict = field(default_factory=dict)
    marker: str | None = None
    direct: str | None = None
    local: bool = False
    skip: bool = False


def candidates(packages, dependency):
    return [
        package
        for package in packages.get(canonicalize_name(dependency.name), [])
        if applies(package.marker) and dependency.accepts(package.version)
    ]


def contradiction(packages, dependency, manifest, lock, command):
    place = line_of_name(manifest, dependency.name)
    locked = [package.version for package in packages.get(canonicalize_name(dependency.name), [])]
    what = f'{place}: {lock} has {dependency.name} {" and ".join(locked)}, but "{dependency.shown}" is asked for' if locked else (
        f"{place}: {dependency.name} is asked for, but {lock} does not have it"
    )
    fail(what, f'make the lock file fit: run "{command}" and commit {lock}')


def select(packages, roots, manifest, lock, command):
    """The packages to install, by name; fails when the lock lacks what the manifest asks for."""
    chosen, queue, seen = {}, [(one, True) for one in roots], set()
    while queue:
        dependency, is_root = queue.pop(0)
        if not applies(dependency.marker):
            continue
        fitting = candidates(packages, dependency)
        if not fitting:
            if is_root:
                contradiction(packages, dependency, manifest, lock, command)
            fail(
                f"{line_of_name(lock, dependency.name)}: {lock} does not have the {dependency.name} that its own packages need here",
                f'make it anew: run "{command}" and commit it',
            )
        package = fitting[0]
        if (other := chosen.setdefault(package.name, package)) is not package:
            fail(
                f"{line_of_name(lock, package.name)}: {lock} has {package.name} {other.version} and {package.version} for the same machine",
                f'make it anew: run "{command}" and commit it',
            )
        for extra in (None, *map(canonicalize_name, dependency.extras)):
            if (package.name, extra) in seen:
                continue
            seen.add((package.name, extra))
            edges = package.dependencies if extra is None else package.extras.get(extra, [])
            queue += [(edge, False) for edge in edges]
    return [chosen[name] for name in sorted(chosen) if not chosen[name].skip]


def as_requirements(packages, lock):
    """Lines for pip, those with hashes and the others; and why the result may differ although the lock does not."""
    hashed, plain, always = [], [], None
    for package in packages:
        if package.direct is None:
            if not package.hashes:
                place = line_of_name(lock, package.name)
                fail(f"{place}: {lock} has no sha256 for {package.name} {package.version}", "make the lock file anew from a registry that gives hashes")
            hashes = "".join(f" --hash={one}" for one in sorted(set(package.hashes)))
            hashed.append(f"{package.name}=={package.version}{hashes}")
        elif package.hashes:
            hashed.append(package.direct + "".join(f" --hash={one}" for one in sorted(set(package.hashes))))
        else:
            plain.append(package.direct)
        if package.local:
            always = f"{package.name} is a directory of the application, whose sources may have changed"
    return {"hashed": hashed, "plain": plain, "always": always, "source": lock}
