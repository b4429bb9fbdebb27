"""Process and slices of an application: launch.toml."""

import json
import os


def command(application):
    """Direct, without a shell; the class path of Spring Boot is its own loader's part."""
    root = application.root
    if application.jar:
        return ["java", "-jar", os.path.join(root, application.jar)]
    libraries = () if application.spring_boot else application.libraries
    return ["java", "-cp", ":".join([root, *(os.path.join(root, one) for one in libraries)]), application.main_class]


def has_classes(path):
    if os.path.isfile(path):
        return path.endswith(".class")
    return any(name.endswith(".class") for _, _, names in os.walk(path) for name in names)


def escaped(path):
    """A path as a pattern that means just this path (Go's path/filepath, as the specification has it)."""
    return "".join(f"\\{one}" if one in "*?[\\" else one for one in path)


def slices(application):
    """Files and directories that change together, the rarest first; what is in none is the platform's last slice."""
    root, libraries = application.root, application.libraries
    own = [one for one in libraries if not one.endswith("-SNAPSHOT.jar")]
    snapshots = [one for one in libraries if one.endswith("-SNAPSHOT.jar")]
    loader = ["org/springframework/boot/loader"] if application.spring_boot else []
    directory = os.path.join(root, application.code)
    skipped = {"META-INF", "BOOT-INF", "WEB-INF"} if not application.code else set()
    resources = [
        os.path.join(application.code, name)
        for name in sorted(os.listdir(directory))
        if name not in skipped and not name.startswith(".") and name not in ("Procfile", "project.toml")
        and os.path.join(application.code, name) not in libraries
        and not has_classes(os.path.join(directory, name))
        and not any(one.startswith(os.path.join(application.code, name) + "/") for one in libraries)
    ]
    return [[escaped(one) for one in paths] for paths in (own, loader, snapshots, resources) if paths]


def write(layers, application):
    with open(os.path.join(layers, "launch.toml"), "w", encoding="utf-8") as file:
        # Strings of JSON are strings of TOML, too.
        file.write(f'[[processes]]\ntype = "web"\ncommand = {json.dumps(command(application), ensure_ascii=False)}\ndefault = true\n')
        for paths in slices(application):
            file.write(f"\n[[slices]]\npaths = {json.dumps(paths, ensure_ascii=False)}\n")
