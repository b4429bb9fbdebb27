"""The bill of materials of a virtual environment, as CycloneDX and SPDX.

    sbom.py VENV REQUIREMENTS BASE

What is installed decides; the hashes come from the requirements of the lock file. Nothing in it depends on the time.
"""

import hashlib
import importlib.metadata
import json
import re
import sys
import urllib.parse
from email.message import Message



def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def hashes_of(path):
    """SHA-256 per name and version: of all files that a lock allows, so only a single one says what is installed."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)", line)
            if match:
                found[(canonical(match[1]), match[2])] = re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return found


def license_of(metadata: Message):
    """An expression of SPDX where the package has one, else the text that it gives, else its classifiers."""
    expression = metadata.get("License-Expression")
    if expression:
        return "expression", expression
    text = (metadata.get("License") or "").strip()
    if text and text != "UNKNOWN" and "\n" not in text and len(text) <= 80:
        return "name", text
    names = [value.split(" :: ")[-1] for value in metadata.get_all("Classifier", []) if value.startswith("License ::")]
    return ("name", " AND ".join(names)) if names else None


def packages(venv):
    site = f"{venv}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    found = {}
    for distribution in importlib.metadata.distributions(path=[site]):
        # The application's own package is no dependency.
        if (distribution.read_text("INSTALLER") or "").strip() == "tspack":
            continue
        metadata = distribution.metadata
        name, version = metadata["Name"], metadata["Version"]
        found[(canonical(name), version)] = license_of(metadata)
    return sorted(found.items())


def cyclonedx(found, hashes):
    components = []
    for (name, version), licence in found:
        purl = f"pkg:pypi/{name}@{urllib.parse.quote(version)}"
        component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        known = hashes.get((name, version), [])
        if len(known) == 1:
            component["hashes"] = [{"alg": "SHA-256", "content": known[0]}]
        if licence:
            kind, text = licence
            component["licenses"] = [{"expression": text}] if kind == "expression" else [{"license": {"name": text}}]
        components.append(component)
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


def spdx(found, hashes):
    described = []
    for (name, version), licence in found:
        declared = licence[1] if licence and licence[0] == "expression" else "NOASSERTION"
        package = {
            "SPDXID": f"SPDXRef-Package-{re.sub('[^A-Za-z0-9.-]', '-', f'{name}-{version}')}",
            "name": name,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": declared,
            "copyrightText": "NOASSERTION",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": f"pkg:pypi/{name}@{urllib.parse.quote(version)}",
                }
            ],
        }
        known = hashes.get((name, version), [])
        if len(known) == 1:
            package["checksums"] = [{"algorithm": "SHA256", "checksumValue": known[0]}]
        described.append(package)
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "python-packages",
        "documentNamespace": f"urn:tspack:python-packages:{digest}",
        "creationInfo": {"created": "1980-01-01T00:00:01Z", "creators": ["Tool: tspack"]},
        "packages": described,
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": package["SPDXID"],
            }
            for package in described
        ],
    }


def main():
    venv, requirements, base = sys.argv[1:]
    found, hashes = packages(venv), hashes_of(requirements)
    for extension, document in (("cdx", cyclonedx(found, hashes)), ("spdx", spdx(found, hashes))):
        with open(f"{base}.sbom.{extension}.json", "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")


main()
