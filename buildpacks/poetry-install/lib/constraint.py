"""Poetry's version constraints, which are those of PEP 440 with `^1.2`, `~1.2`, `1.2.*`, `*` and alternatives by `||`."""

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version


class InvalidConstraint(Exception):
    """A constraint that cannot be read."""


def bumped(release, index):
    return ".".join(map(str, [*release[:index], release[index] + 1]))


def specifier_of(clause):
    """One clause as PEP 440 has it; empty for any version."""
    if clause in ("", "*"):
        return ""
    operator, text = re.match(r"(\^|~(?!=)|===?|!=|<=|>=|<|>|~=|=)?\s*(.*)", clause).groups()
    # Older libraries take anything for a version of former times.
    if not re.fullmatch(r"v?\d[\w.+!*-]*", text):
        raise InvalidVersion(clause)
    if operator in ("^", "~"):
        release = Version(text).release
        if operator == "~":
            index = min(1, len(release) - 1)
        else:
            index = next((at for at, number in enumerate(release) if number != 0), len(release) - 1)
        # The upper end's own prereleases are above the range as well.
        return f">={text},<{bumped(release, index)}.dev0"
    if operator in (None, "=", "=="):
        return f"=={text}"
    return f"{operator}{text}"


def alternatives(text):
    for part in re.split(r"\|\|?", text):
        clauses = re.split(r"[,\s]+", re.sub(r"([<>=!~^])\s+", r"\1", part.strip()))
        yield SpecifierSet(",".join(one for one in map(specifier_of, clauses) if one))


def parse(text):
    """A function that tells whether a version is accepted. Raises InvalidConstraint."""
    try:
        sets = list(alternatives(text))
    except (InvalidSpecifier, InvalidVersion) as error:
        raise InvalidConstraint(text) from error
    return lambda version: any(one.contains(version, prereleases=True) for one in sets)
