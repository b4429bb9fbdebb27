"""What pip installs for requirements.txt, Pipfile.lock, or for a pyproject.toml without a lock file.

    wanted.py DIRECTORY
"""

import glob
import os
import re
import sys

from pipfile import of_pipfile
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

APP = os.getcwd()
TEST_FILES = ("requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt", "test-requirements.txt")


def logical_lines(path):
    """Lines without comments, those that end in a backslash joined, each with the number of its first."""
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    if "\0" in text:
        fail(f"{path} is no text in UTF-8", "save it as UTF-8 without zero bytes")
    start, joined = None, ""
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s+)#.*$", "", line)
        start = start or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        if (joined + line).strip():
            yield start, (joined + line).strip()
        start, joined = None, ""
    if joined.strip():
        yield start, joined.strip()


def read_requirements(path, found, local, constraints):
    """The lines of a file and of those that it includes; which of them are directories, and which files only constrain."""
    if path in found:
        return
    if not os.path.isfile(path):
        fail(f"{path} does not exist", "write it, or remove the line that names it")
    real = os.path.realpath(path)
    if not real.startswith(APP + os.sep):
        fail(f"{path} is outside of the application", "move it into the application's directory")
    try:
        lines = list(logical_lines(path))
    except UnicodeDecodeError:
        fail(f"{path} is no text in UTF-8", "save it as UTF-8")
    found[path] = lines
    for number, line in lines:
        match = re.match(r"(-r|--requirement|-c|--constraint)[\s=]*(\S+)", line)
        if match and "://" in match[2]:
            fail(f"{path}:{number}: {match[2]} would be fetched from elsewhere", "put the file into the application")
        if match:
            other = os.path.normpath(os.path.join(os.path.dirname(path), match[2]))
            if match[1] in ("-c", "--constraint"):
                constraints.add(other)
            read_requirements(other, found, local, constraints)
        elif re.match(r"(-i|--index-url|--extra-index-url|-f|--find-links)\b.*://[^/@\s]*:[^/@\s]*@", line) and "${" not in line:
            fail(f"{path}:{number}: there is a password in the file", "give it to the build: PIP_INDEX_URL, or a binding of type pip with a pip.conf")
        elif re.match(r"(-e|--editable)\b|\.{0,2}/|\.$|\.\[|file:", line) or " @ file:" in line:
            local.append(f"{path}:{number}")


def refuse_unhashed(found):
    """With one hash in it pip wants all; it does not say where the one without stands."""
    for path, lines in found.items():
        for number, line in lines:
            if not line.startswith("-") and "--hash" not in line:
                fail(
                    f"{path}:{number}: {line.split()[0]} has no hash, but others have",
                    'write them all with hashes: "pip-compile --generate-hashes" or "uv pip compile --generate-hashes"',
                )


def of_requirements():
    found, local, constraints = {}, [], set()
    files = ["requirements.txt"]
    if is_test():
        files += [one for one in TEST_FILES if os.path.isfile(one)]
        files += [one for one in sorted(glob.glob("requirements/*.txt")) if os.path.basename(one) in ("dev.txt", "test.txt")]
    for path in files:
        read_requirements(path, found, local, constraints)
    lines = [line for path in files for _, line in found[path]]
    hashed = any("--hash" in line for line in lines)
    if hashed:
        refuse_unhashed({path: lines for path, lines in found.items() if path not in constraints})
    always = f"{local[0]} is a directory, whose sources may have changed" if local else None
    if not hashed and not all("==" in line for line in lines if not line.startswith("-")):
        print("requirements.txt does not pin every version: what was installed is kept until it changes")
    plain = [f"-r {os.path.join(APP, path)}" for path in files]
    return {"plain": plain, "key": found, "always": always, "source": "requirements.txt", "dependencies": True}


def of_pyproject():
    path = "pyproject.toml"
    pyproject = read_toml(path)
    project = table(pyproject, "project")
    wanted = [parse_requirement(one, path, "project.dependencies") for one in listed(project.get("dependencies"))]
    if "dependencies" in listed(project.get("dynamic")):
        fail(f"{line_of(path, 'dynamic')}: project.dynamic: the dependencies come from a program", "list them in project.dependencies, or write a requirements.txt")
    if is_test():
        groups, extras = table(pyproject, "dependency-groups"), table(project, "optional-dependencies")
        for name in development_groups(groups):
            wanted += group_requirements(groups, name, path)
        for name in development_groups(extras):
            wanted += [parse_requirement(one, path, f"project.optional-dependencies.{name}") for one in listed(extras[name])]
    print("pyproject.toml has no lock file, so versions are those of the first build until it changes")
    print('hint: make a lock with "uv lock" or "poetry lock" and commit it')
    lines = sorted({str(one) for one in wanted})
    return {"plain": lines, "source": path, "dependencies": True}


def main():
    if os.path.isfile("requirements.txt"):
        if os.path.isfile("Pipfile.lock"):
            print("Pipfile.lock is not used: there is a requirements.txt")
        result = of_requirements()
    else:
        result = of_pipfile() if os.path.isfile("Pipfile.lock") else of_pyproject()
    write_result(sys.argv[1], **result)


main()
