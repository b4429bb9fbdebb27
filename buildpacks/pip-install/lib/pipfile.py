"""What Pipfile.lock has for this machine, as requirements of pip.

The registry is the one of the build: the sources in the lock file do not count, the hashes in it do.
"""

import json
import os

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from report import applies, fail, is_test, line_of, line_of_name, listed, read_toml, table

MANIFEST, LOCK, COMMAND = "Pipfile", "Pipfile.lock", "pipenv lock"
APP = os.getcwd()


def read_lock():
    try:
        with open(LOCK, encoding="utf-8-sig") as file:
            lock = json.load(file)
    except (ValueError, UnicodeDecodeError) as error:
        fail(f"{LOCK} is not valid JSON: {error}", f'make it anew: run "{COMMAND}"')
    known = table(lock, "_meta").get("pipfile-spec")
    if known != 6:
        fail(f"{LOCK}: pipfile-spec {known} is not known", "expected is 6: make it with a Pipenv of 2018 or newer")
    return lock


def inside(path, name):
    full = os.path.normpath(os.path.join(APP, path))
    if full != APP and not full.startswith(APP + os.sep):
        fail(f"{line_of_name(LOCK, name)}: {name} is outside of the application: {path}", "move it into the application's directory")
    return full


def where_from(name, value):
    """How pip is told of a package that no registry has, and whether it is of the application."""
    if "git" in value:
        folder = f"#subdirectory={value['subdirectory']}" if value.get("subdirectory") else ""
        return f"{name} @ git+{str(value['git']).removeprefix('git+')}@{value.get('ref')}{folder}", False
    if "path" in value:
        return f"file://{inside(str(value['path']), name)}", True
    if "file" in value:
        url = str(value["file"])
        return (f"{name} @ {url}", False) if "://" in url else (f"file://{inside(url, name)}", True)
    return None, False


def as_requirement(name, value, result):
    """Adds a package of the lock to the lines for pip."""
    if not isinstance(value, dict):
        fail(f"{line_of_name(LOCK, name)}: expected a table for {name}", f'make it anew: run "{COMMAND}"')
    if not applies(value.get("markers")):
        return
    direct, local = where_from(name, value)
    hashes = "".join(f" --hash={one}" for one in sorted(set(map(str, listed(value.get("hashes"))))))
    if local:
        result["always"] = f"{name} is a directory or file of the application, which may have changed"
    if direct is not None:
        result["hashed" if hashes and not local else "plain"].append(direct + ("" if local else hashes))
        return
    version = str(value.get("version", ""))
    if not version.startswith("==") or not hashes:
        fail(f"{line_of_name(LOCK, name)}: {LOCK} has no version or no hash of {name}", f'make it anew: run "{COMMAND}"')
    result["hashed"].append(f"{name}{version}{hashes}")


def check_manifest(wanted, locked):
    """Does the lock have what the Pipfile asks for?"""
    versions = {canonicalize_name(name): value.get("version", "") for name, value in locked.items() if isinstance(value, dict)}
    remedy = f'make the lock file fit: run "{COMMAND}" and commit {LOCK}'
    for name, value in wanted.items():
        range_ = value.get("version", "*") if isinstance(value, dict) else value
        place = line_of_name(MANIFEST, name)
        if canonicalize_name(name) not in versions:
            fail(f"{place}: {name} is asked for, but {LOCK} does not have it", remedy)
        if range_ == "*" or not isinstance(range_, str):
            continue
        try:
            accepted = SpecifierSet(range_)
        except InvalidSpecifier:
            fail(f'{place}: "{range_}" is no version or range of {name}', 'write it as "==3.0.0", "~=3.0" or "*"')
        found = str(versions[canonicalize_name(name)]).removeprefix("==")
        if found and not accepted.contains(found, prereleases=True):
            fail(f'{place}: {LOCK} has {name} {found}, but "{range_}" is asked for', remedy)


def of_pipfile():
    manifest, lock = read_toml(MANIFEST), read_lock()
    result = {"hashed": [], "plain": [], "always": None, "source": LOCK}
    packages = {}
    for section, of in (("default", "packages"), *((("develop", "dev-packages"),) if is_test() else ())):
        check_manifest(table(manifest, of), table(lock, section))
        # What both need is locked in both, in one version.
        packages = {**table(lock, section), **packages}
    for name in sorted(packages):
        as_requirement(name, packages[name], result)
    return result
