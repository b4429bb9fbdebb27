"""Puts the application's own package into a virtual environment: a link to its sources, its metadata and its programs.

    project.py VENV APP

It is linked and not built, as an editable installation would be, so no build backend has to be fetched and no change
of the sources makes the packages be installed again.
"""

import os
import re
import sys
import sysconfig

from report import fail, line_of, read_toml, table


def site_packages(venv):
    return sysconfig.get_path("purelib", "venv", {"base": venv, "platbase": venv})


def describe(pyproject):
    """Name, version, programs; None for a project that is no package."""
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    name = project.get("name") or poetry.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        return None
    version = project.get("version") or poetry.get("version") or "0"
    return name, str(version), {**table(poetry, "scripts"), **table(project, "scripts")}


def source_directories(app, pyproject):
    """Where imports of the application's own packages are looked for."""
    found = [app]
    if os.path.isdir(os.path.join(app, "src")):
        found.insert(0, os.path.join(app, "src"))
    for package in table(pyproject, "tool", "poetry").get("packages") or []:
        below = package.get("from") if isinstance(package, dict) else None
        if isinstance(below, str):
            directory = os.path.normpath(os.path.join(app, below))
            if directory.startswith(app + os.sep) and directory not in found:
                found.append(directory)
    return found


PROGRAM = """#!{python}
import sys
from {module} import {first}

if __name__ == "__main__":
    sys.exit({target}())
"""


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def main():
    venv, app = sys.argv[1:]
    if not os.path.isfile("pyproject.toml"):
        return
    pyproject = read_toml("pyproject.toml")
    described = describe(pyproject)
    if described is None:
        return
    name, version, scripts = described
    site = site_packages(venv)
    file_name = re.sub(r"[-_.]+", "_", name).lower()
    write(os.path.join(site, f"_{file_name}.pth"), "".join(f"{one}\n" for one in source_directories(app, pyproject)))
    entry_points = []
    for script, target in scripts.items():
        match = isinstance(target, str) and re.fullmatch(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?\s*", target)
        if not match or not re.fullmatch(r"[\w][\w.-]*", script):
            place = line_of("pyproject.toml", script)
            fail(f'{place}: scripts.{script}: expected "module:function", found {target!r}', "correct the file")
        module, function = match[1], match[2]
        text = PROGRAM.format(python=f"{venv}/bin/python", module=module, first=function.split(".")[0], target=function)
        write(os.path.join(venv, "bin", script), text, 0o755)
        entry_points.append(f"{script} = {module}:{function}\n")
    info = os.path.join(site, f"{file_name}-{re.sub('[^A-Za-z0-9.]+', '_', version)}.dist-info")
    os.makedirs(info, exist_ok=True)
    write(os.path.join(info, "METADATA"), f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    write(os.path.join(info, "INSTALLER"), "tspack\n")
    if entry_points:
        write(os.path.join(info, "entry_points.txt"), "[console_scripts]\n" + "".join(entry_points))


if __name__ == "__main__":
    main()
