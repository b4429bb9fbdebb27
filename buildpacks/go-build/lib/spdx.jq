# SPDX of what modules.jq gives. Nothing of the day or the machine is in it.
{
  spdxVersion: "SPDX-2.3",
  dataLicense: "CC0-1.0",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "go-build",
  documentNamespace: "urn:tspack:go-build:\($key)",
  creationInfo: {created: "1980-01-01T00:00:01Z", creators: ["Tool: tspack/go-build"]},
  documentDescribes: [range(length) | "SPDXRef-Module-\(.)"],
  packages: [to_entries[] | .key as $index | .value | {
    SPDXID: "SPDXRef-Module-\($index)",
    name,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: "NOASSERTION",
    copyrightText: "NOASSERTION",
    externalRefs: (
      [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: .purl}]
      + (if .name == "stdlib" then [{
        referenceCategory: "SECURITY", referenceType: "cpe23Type",
        referenceLocator: "cpe:2.3:a:golang:go:\(.version):*:*:*:*:*:*:*"
      }] else [] end))
  } + (if .version == "" then {} else {versionInfo: .version} end)]
}
