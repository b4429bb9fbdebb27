# Lines of name, version, architecture, source, version of the source, homepage, sha256 to a bill of materials.
# https://github.com/package-url: pkg:deb/debian/name@version?arch=…&distro=debian-12. Advisories are about source
# packages: "upstream" names it where it is another one or has another version.
def fields: split("\t") | { name: .[0], version: .[1], arch: .[2], source: .[3], source_version: .[4], homepage: .[5], sha256: .[6] };
def upstream: .source + (if .source_version != .version then "@\(.source_version)" else "" end);
def purl: "pkg:deb/\($distro)/\(.name | @uri)@\(.version | @uri)?arch=\(.arch)&distro=\($distro)-\($version)"
  + (if upstream != .name then "&upstream=\(upstream | @uri)" else "" end);
[inputs | fields] as $packages
| if $format == "cdx" then
    {
      bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
      components: [$packages[] | {
        type: "library", "bom-ref": purl, name, version, purl: purl,
        hashes: [{ alg: "SHA-256", content: .sha256 }]
      } + (if .homepage != "" then { externalReferences: [{ type: "website", url: .homepage }] } else {} end)]
    }
  else
    {
      spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: $layer,
      # The same packages give the same document, others another one.
      documentNamespace: "urn:tspack:deb-packages:\($layer):\($content)",
      creationInfo: { created: "1980-01-01T00:00:01Z", creators: ["Tool: tspack/deb-packages"] },
      packages: [$packages | to_entries[] | .key as $index | .value | {
        SPDXID: "SPDXRef-Package-\($index)", name, versionInfo: .version, downloadLocation: "NOASSERTION",
        filesAnalyzed: false, checksums: [{ algorithm: "SHA256", checksumValue: .sha256 }],
        sourceInfo: "built from \(.source) \(.source_version)",
        externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }]
      }],
      relationships: [$packages | keys[] | { spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: "SPDXRef-Package-\(.)", relationshipType: "DESCRIBES" }]
    }
  end
