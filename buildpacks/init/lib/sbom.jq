# The bill of materials of the program: init itself, and the C library that is linked into it where $libc has its version and architecture.
# https://github.com/package-url: pkg:deb/debian/name@version?arch=…&distro=debian-12
def c_library: ($libc | split(" ")) as [$version, $arch]
  | { name: "libc6-dev", $version, purl: "pkg:deb/\($distro)/libc6-dev@\($version | @uri)?arch=\($arch)&distro=\($distro)-\($release)&upstream=glibc" };
[{ name: "tspack-init", version: $version, purl: "pkg:generic/tspack-init@\($version)", sha256: $program },
  if $libc == "" then empty else c_library end] as $parts
| if $format == "cdx" then
    {
      bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
      components: [$parts[] | { type: (if .sha256 then "application" else "library" end), "bom-ref": .purl, name, version, purl }
        + (if .sha256 then { hashes: [{ alg: "SHA-256", content: .sha256 }], licenses: [{ license: { id: "Apache-2.0" } }] } else {} end)]
    }
  else
    {
      spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: "init",
      documentNamespace: "urn:tspack:init:\($program)",
      creationInfo: { created: "1980-01-01T00:00:01Z", creators: ["Tool: tspack/init"] },
      packages: [$parts | to_entries[] | .key as $index | .value | {
        SPDXID: "SPDXRef-Package-\($index)", name, versionInfo: .version, downloadLocation: "NOASSERTION", filesAnalyzed: false,
        externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: .purl }]
      } + (if .sha256 then { checksums: [{ algorithm: "SHA256", checksumValue: .sha256 }], licenseDeclared: "Apache-2.0" } else {} end)],
      relationships: [$parts | keys[] | { spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: "SPDXRef-Package-\(.)", relationshipType: "DESCRIBES" }]
    }
  end
