"""The application as an unpacked jar."""

import glob
import os
import re
import zipfile
from dataclasses import dataclass, field

MANIFEST = "META-INF/MANIFEST.MF"
# Class files begin with their version: 45 was Java 1.1, so that 61 is Java 17.
FIRST_VERSION = 44


class Problem(Exception):
    """What is wrong, and what to do."""


@dataclass(frozen=True)
class Application:
    """An executable jar, unpacked in `root`; `jar` is its name when it had to stay packed."""

    root: str
    manifest: dict
    jar: str = ""
    libraries: tuple = ()
    classes: int = 0
    spring_boot: str = field(default="")

    @property
    def main_class(self):
        return self.manifest["Main-Class"]

    @property
    def code(self):
        """Where the application's own classes are, relative to the root."""
        return self.manifest.get("Spring-Boot-Classes", "").strip("/")


def parse_manifest(text):
    """The main section of a manifest; long lines go on after a newline and a space."""
    section = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    lines = re.sub(r"\r?\n ", "", section).splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def manifest_of(jar):
    try:
        with zipfile.ZipFile(jar) as archive:
            return parse_manifest(archive.read(MANIFEST).decode("utf-8", "replace"))
    except KeyError:
        return {}
    except (zipfile.BadZipFile, OSError) as error:
        raise Problem(f"{jar} cannot be read: {error}", "build it again; it is expected to be a jar")


def choose(root):
    """The one executable archive in a directory."""
    names = sorted(glob.glob("*.jar", root_dir=root) + glob.glob("*.war", root_dir=root))
    executable = [name for name in names if "Main-Class" in manifest_of(os.path.join(root, name))]
    if len(executable) == 1:
        return executable[0]
    if executable:
        raise Problem(f"more than one jar is executable: {', '.join(executable)}", "leave the one that shall be started in the application")
    found = ", ".join(names) or "there is no jar"
    raise Problem(f"no start command: {found}, and no Main-Class in a manifest", "use spring-boot-maven-plugin, or set mainClass for maven-jar-plugin")


def unpack(root, name):
    """Puts the content of an archive in its place. Python leaves roots and .. of names in archives away."""
    path = os.path.join(root, name)
    with zipfile.ZipFile(path) as archive:
        clash = next((one for one in archive.namelist() if not one.endswith("/") and os.path.lexists(os.path.join(root, one))), "")
        if clash:
            raise Problem(f"{clash} is in {name} and beside it", "leave it in one of the two places")
        bad = archive.testzip()
        if bad:
            raise Problem(f"{name} is damaged: {bad} has another checksum", "build it again")
        archive.extractall(root)
    os.remove(path)


def count_classes(root, libraries, jar):
    packed = [os.path.join(root, one) for one in libraries if one.endswith(".jar")] + ([os.path.join(root, jar)] if jar else [])
    total = sum(name.endswith(".class") for _, _, names in os.walk(root) for name in names)
    for path in packed:
        try:
            with zipfile.ZipFile(path) as archive:
                total += sum(name.endswith(".class") for name in archive.namelist())
        except zipfile.BadZipFile:
            raise Problem(f"{os.path.relpath(path, root)} is no jar", "build the application again")
    return total


def libraries_of(root, manifest):
    """Archives that are on the class path beside the application's own classes, in that order."""
    directory = manifest.get("Spring-Boot-Lib", "").strip("/")
    if directory:
        inside = sorted(glob.glob(f"{glob.escape(directory)}/*.jar", root_dir=root))
        provided = sorted(glob.glob("WEB-INF/lib-provided/*.jar", root_dir=root))
        return tuple(inside + provided)
    entries = [one for one in manifest.get("Class-Path", "").split() if ":" not in one]
    safe = [os.path.normpath(one) for one in entries if not one.startswith("/")]
    return tuple(one for one in safe if not one.startswith("..") and os.path.exists(os.path.join(root, one)))


def open_application(root):
    """Unpacks what is packed."""
    jar = ""
    if os.path.isfile(os.path.join(root, MANIFEST)):
        with open(os.path.join(root, MANIFEST), encoding="utf-8", errors="replace") as file:
            manifest = parse_manifest(file.read())
    else:
        jar = choose(root)
        manifest = manifest_of(os.path.join(root, jar))
        # Java looks for classes of a version only in archives.
        if manifest.get("Multi-Release", "").lower() != "true" or "Spring-Boot-Version" in manifest:
            unpack(root, jar)
            jar = ""
    if "Main-Class" not in manifest:
        raise Problem(f"no start command: no Main-Class in {MANIFEST}", "use spring-boot-maven-plugin, or set mainClass for maven-jar-plugin")
    libraries = libraries_of(root, manifest)
    classes = count_classes(root, libraries, jar)
    return Application(root, manifest, jar, libraries, classes, manifest.get("Spring-Boot-Version", ""))


def check_version(application, java):
    """Is the application compiled for this Java or an older one?"""
    name = application.manifest.get("Start-Class", application.main_class)
    path = os.path.join(application.root, application.code, name.replace(".", "/") + ".class")
    have = re.match(r"(?:1\.)?(\d+)", java)
    if not have or application.jar or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        head = file.read(8)
    wanted = int.from_bytes(head[6:8], "big") - FIRST_VERSION
    if wanted > int(have[1]):
        raise Problem(
            f"{name} is compiled for Java {wanted}, but the image has {java}",
            f"set BP_JVM_VERSION={wanted}, or compile for {have[1]} (maven.compiler.release)",
        )
