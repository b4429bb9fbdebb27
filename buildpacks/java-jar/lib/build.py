"""What bin/build does. Variables are those of the Buildpack specification, and those that other buildpacks set."""

import os
import shutil
import sys

BUILDPACK = os.environ["CNB_BUILDPACK_DIR"]
sys.path.insert(0, os.path.join(BUILDPACK, "lib"))

import archive  # noqa: E402
import launch  # noqa: E402
import materials  # noqa: E402

LAYERS = os.environ["CNB_LAYERS_DIR"]
# Of scripts that run before the application.
INTERPRETER = sys.argv[1]
SHARE_OF_CLASSES = 35


def variables(application):
    """Layer "application": what the memory calculator has to know, and the port of Spring Boot."""
    layer = os.path.join(LAYERS, "application")
    shutil.rmtree(layer, ignore_errors=True)
    os.makedirs(os.path.join(layer, "env.launch"))
    own = int(os.environ.get("BPI_JVM_CLASS_COUNT", "24000"))
    count = (own + application.classes) * SHARE_OF_CLASSES // 100
    with open(os.path.join(layer, "env.launch", "BPL_JVM_LOADED_CLASS_COUNT.default"), "w", encoding="ascii") as file:
        file.write(str(count))
    if application.spring_boot:
        os.makedirs(os.path.join(layer, "exec.d"))
        with open(os.path.join(BUILDPACK, "lib", "spring-port"), encoding="ascii") as file:
            _, text = file.read().split("\n", 1)
        with open(os.path.join(layer, "exec.d", "spring-port"), "w", encoding="ascii") as file:
            file.write(f"#!{INTERPRETER}\n{text}")
        os.chmod(os.path.join(layer, "exec.d", "spring-port"), 0o755)
    with open(os.path.join(LAYERS, "application.toml"), "w", encoding="ascii") as file:
        file.write("[types]\nlaunch = true\n")


def main():
    application = archive.open_application(os.getcwd())
    archive.check_version(application, os.environ.get("BPI_JVM_VERSION", ""))
    libraries = materials.libraries_of(application, os.environ.get("MAVEN_LOCAL_REPOSITORY", ""))
    materials.write(LAYERS, application, libraries)
    launch.write(LAYERS, application)
    variables(application)
    what = f"Spring Boot {application.spring_boot}" if application.spring_boot else "executable jar"
    print(f"{what}: {application.classes} classes, {len(libraries)} libraries in the bill of materials")
    print(f"web: {' '.join(launch.command(application))}")


try:
    main()
except archive.Problem as problem:
    print(f"ERROR: {problem.args[0]}\nhint: {problem.args[1]}", file=sys.stderr)
    sys.exit(1)
