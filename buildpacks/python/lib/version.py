"""Does this Python satisfy everything that the application says about its version?

Printed is one line; a contradiction ends with status 1 and names file, line and remedy.
"""

import os
import platform
import re
import sys
import tomllib

COMPARATORS = ("===", "==", "~=", "!=", "<=", ">=", "<", ">", "^", "~", "=")
SERIES = ".".join(platform.python_version_tuple()[:2])


class Invalid(Exception):
    """A version or range that cannot be read."""


def release(text):
    """The numbers of a version, and whether it ends in a wildcard."""
    match = re.fullmatch(r"v?(\d+(?:\.\d+)*)(\.\*)?", text.strip())
    if not match:
        raise Invalid(text)
    return tuple(map(int, match[1].split("."))), bool(match[2])


def padded(numbers, length=3):
    return numbers + (0,) * (length - len(numbers))


def same_prefix(version, numbers):
    return version[: len(numbers)] == numbers


def next_after(numbers, index):
    """The first version in which the number at `index` is higher."""
    return padded(numbers[:index] + (numbers[index] + 1,))


def satisfies_one(version, clause):
    operator = next((one for one in COMPARATORS if clause.startswith(one)), "")
    numbers, wildcard = release(clause[len(operator) :])
    full = padded(numbers)
    if operator in ("", "="):
        # A bare version is a pin of what it names: 3.11 accepts every 3.11.x.
        return same_prefix(version, numbers)
    if operator in ("==", "==="):
        return same_prefix(version, numbers) if wildcard else version == full
    if operator == "!=":
        return not same_prefix(version, numbers) if wildcard else version != full
    if operator == "~=":
        if len(numbers) < 2:
            raise Invalid(clause)
        return full <= version < next_after(numbers, len(numbers) - 2)
    if operator == "^":
        return full <= version < next_after(numbers, 0)
    if operator == "~":
        return full <= version < next_after(numbers, min(1, len(numbers) - 1))
    return {"<": version < full, "<=": version <= full, ">": version > full, ">=": version >= full}[operator]


def satisfies(version, text):
    """PEP 440's specifiers and Poetry's, with alternatives by `||`."""
    def all_of(part):
        clauses = [one for one in re.split(r"[,\s]+", re.sub(r"([<>=!~^])\s+", r"\1", part.strip())) if one]
        return all(clause == "*" or satisfies_one(version, clause) for clause in clauses)

    # Every alternative is read, so that a mistake in the last one is found, too.
    return any([all_of(part) for part in text.split("||")])


def lines_of(path):
    with open(path, encoding="utf-8-sig") as file:
        return file.read().splitlines()


def line_of(path, pattern):
    return next((number for number, line in enumerate(lines_of(path), 1) if re.search(pattern, line)), 1)


def pinned(path, prefix=""):
    """The first line of a version file that is neither empty nor a comment."""
    for number, line in enumerate(lines_of(path), 1):
        text = line.split("#")[0].strip()
        if text:
            return [(f"{path}:{number}", re.sub(r"^(cpython-|python-)", "", text), f"write {prefix}{SERIES} into {path}")]
    fail(f"{path} is empty", f"write {prefix}{SERIES} into it, or remove the file")


def table(value, *keys):
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def of_toml(path, keys, pattern, remedy):
    try:
        with open(path, "rb") as file:
            value = table(tomllib.load(file), *keys)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"{path} is not valid TOML: {error}", "correct the file")
    if isinstance(value, str):
        return [(f"{path}:{line_of(path, pattern)}", value, remedy)]
    return []


def requirements():
    """Pairs of place and range, and how to change it."""
    override = os.environ.get("BP_CPYTHON_VERSION", "").strip()
    if override:
        return [("BP_CPYTHON_VERSION", override, f"set it to {SERIES}, or unset it")]
    found = []
    if os.path.isfile(".python-version"):
        found += pinned(".python-version")
    if os.path.isfile("runtime.txt"):
        found += pinned("runtime.txt", "python-")
    if os.path.isfile("pyproject.toml"):
        change = f'change it to ">={SERIES}", for example, after a look at whether the application works with it'
        found += of_toml("pyproject.toml", ("project", "requires-python"), r"^\s*requires-python\b", change)
        found += of_toml("pyproject.toml", ("tool", "poetry", "dependencies", "python"), r"^\s*python\s*=", change)
    if os.path.isfile("Pipfile"):
        change = f'change it to "{SERIES}" and run "pipenv lock", after a look at whether the application works with it'
        found += of_toml("Pipfile", ("requires", "python_version"), r"^\s*python_version\b", change)
        found += of_toml("Pipfile", ("requires", "python_full_version"), r"^\s*python_full_version\b", change)
    if os.path.isfile("uv.lock"):
        lock = 'change requires-python in pyproject.toml and run "uv lock"'
        found += of_toml("uv.lock", ("requires-python",), r"^requires-python\b", lock)
    return found


def distribution():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "this distribution")
    except OSError:
        return "this distribution"


def fail(message, hint):
    print(f"ERROR: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(1)


def main():
    version = tuple(map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", platform.python_version()).groups()))
    shown = platform.python_version()
    accepted = []
    for place, text, remedy in requirements():
        try:
            fits = satisfies(version, text)
        except Invalid:
            fail(f'{place}: "{text}" is no version or range of Python', f"expected is something like {SERIES} or >=3.9; {remedy}")
        if not fits:
            fail(
                f'{place}: the application asks for Python "{text}", but {distribution()} has {shown}',
                f"{remedy}, or use a builder of a distribution that has that version",
            )
        accepted.append(f'satisfies "{text}" ({place})')
    print(f"Python {shown}: {' and '.join(accepted) or 'the application asks for no version'}")


main()
