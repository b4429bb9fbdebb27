"""Bills of materials: which libraries are in an application.

A library is known by Maven's local repository when it has a file of that name with the same content, else by the
pom.properties in it, else only by its name.
"""

import hashlib
import json
import os
import re
import zipfile
from urllib.parse import quote

POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")


def digest(path, algorithm="sha256"):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def repository_files(repository, names):
    """Files of the local repository with these names."""
    found = {}
    for directory, _, files in os.walk(repository):
        for name in names.intersection(files):
            found.setdefault(name, []).append(os.path.join(directory, name))
    return found


def coordinates(repository, path):
    parts = os.path.relpath(path, repository).split(os.sep)
    return {"group": ".".join(parts[:-3]), "name": parts[-3], "version": parts[-2]}


def properties(text):
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    if not {"groupId", "artifactId", "version"} <= values.keys():
        return None
    return {"group": values["groupId"].strip(), "name": values["artifactId"].strip(), "version": values["version"].strip()}


def inside(path):
    """The POMs in an archive: its own, and those of what was merged into it."""
    with zipfile.ZipFile(path) as archive:
        return [properties(archive.read(name).decode("utf-8", "replace")) for name in sorted(archive.namelist()) if POM.fullmatch(name)]


def by_name(path):
    match = re.fullmatch(r"(.+?)-(\d[^/]*)\.jar", os.path.basename(path))
    return {"group": "", "name": match[1] if match else os.path.basename(path)[:-4], "version": match[2] if match else ""}


def own_poms(application):
    """POMs in the application itself: of its own, and of libraries that were merged into it."""
    if application.jar:
        return [one for one in inside(os.path.join(application.root, application.jar)) if one]
    found = []
    for directory, _, files in sorted(os.walk(os.path.join(application.root, "META-INF", "maven"))):
        if "pom.properties" in files:
            with open(os.path.join(directory, "pom.properties"), encoding="utf-8", errors="replace") as file:
                found.append(properties(file.read()))
    return [one for one in found if one]


def identify(path, candidates, repository, sha256):
    for candidate in candidates:
        if digest(candidate) == sha256:
            return coordinates(repository, candidate)
    poms = [one for one in inside(path) if one]
    named = [one for one in poms if os.path.basename(path) == f"{one['name']}-{one['version']}.jar"]
    return (named or (poms if len(poms) == 1 else []) or [by_name(path)])[0]


def purl(library):
    group = f"{quote(library['group'])}/" if library["group"] else ""
    kind = "maven" if group else "generic"
    return f"pkg:{kind}/{group}{quote(library['name'])}" + (f"@{quote(library['version'])}" if library["version"] else "")


def libraries_of(application, repository):
    """Libraries sorted by purl: group, name, version, purl, sha256 ("" for one that was merged into the application)."""
    paths = [one for one in application.libraries if one.endswith(".jar")]
    found = repository_files(repository, {os.path.basename(one) for one in paths}) if repository else {}
    result = [one | {"sha256": ""} for one in own_poms(application)]
    for one in paths:
        path = os.path.join(application.root, one)
        sha256 = digest(path)
        result.append(identify(path, found.get(os.path.basename(one), []), repository, sha256) | {"sha256": sha256})
    unique = {purl(one): one | {"purl": purl(one)} for one in result}
    return [unique[key] for key in sorted(unique)]


def cyclonedx(libraries):
    def component(one):
        hashes = {"hashes": [{"alg": "SHA-256", "content": one["sha256"]}]} if one["sha256"] else {}
        group = {"group": one["group"]} if one["group"] else {}
        version = {"version": one["version"]} if one["version"] else {}
        return {"type": "library", "bom-ref": one["purl"], **group, "name": one["name"], **version, "purl": one["purl"], **hashes}

    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [component(one) for one in libraries]}


def spdx(libraries):
    def package(index, one):
        sums = {"checksums": [{"algorithm": "SHA256", "checksumValue": one["sha256"]}]} if one["sha256"] else {}
        return {
            "SPDXID": f"SPDXRef-Library-{index}",
            "name": f"{one['group']}:{one['name']}" if one["group"] else one["name"],
            **({"versionInfo": one["version"]} if one["version"] else {}),
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            **sums,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": one["purl"]}],
        }

    packages = [package(index, one) for index, one in enumerate(libraries)]
    key = hashlib.sha256(json.dumps(libraries).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "java-jar",
        "documentNamespace": f"urn:tspack:java-jar:{key}",
        # Nothing of the day or the machine.
        "creationInfo": {"created": "1980-01-01T00:00:01Z", "creators": ["Tool: tspack/java-jar"]},
        "documentDescribes": [one["SPDXID"] for one in packages],
        "packages": packages,
    }


def write(layers, application, libraries):
    for kind, document in (("cdx", cyclonedx(libraries)), ("spdx", spdx(libraries))):
        with open(os.path.join(layers, f"launch.sbom.{kind}.json"), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
