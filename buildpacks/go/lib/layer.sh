# shellcheck shell=bash
# The layer "go". Needs LAYERS, PLAN, REQUEST, ARCH, VERSION, SUM.

# restored KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/go.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/go.toml" | head -n 1
}

# Only tests want the toolchain in the image.
wanted_at_launch() { grep -Eq '^[[:space:]]*launch[[:space:]]*=[[:space:]]*true' "$PLAN" && printf true || printf false; }

write_layer() {
  mkdir -p "$LAYERS/go/env"
  printf '%s' "$LAYERS/go" >"$LAYERS/go/env/GOROOT.override"
  # Another toolchain than this one would come in behind the back of the cache.
  printf local >"$LAYERS/go/env/GOTOOLCHAIN.default"
  cat >"$LAYERS/go.toml" <<TOML
[types]
build = true
launch = $(wanted_at_launch)
cache = true

[metadata]
request = "$REQUEST"
version = "$VERSION"
arch = "$ARCH"
sum = "$SUM"
TOML
  write_sbom
}

write_sbom() {
  local purl=pkg:golang/toolchain@$VERSION hash
  hash=$(printf '%s' "${SUM#h1:}" | sha256sum)
  cat >"$LAYERS/go.sbom.cdx.json" <<JSON
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "components": [
    {
      "type": "application",
      "bom-ref": "$purl",
      "name": "go",
      "version": "$VERSION",
      "purl": "$purl",
      "licenses": [{ "license": { "id": "BSD-3-Clause" } }]
    }
  ]
}
JSON
  cat >"$LAYERS/go.sbom.spdx.json" <<JSON
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "go",
  "documentNamespace": "urn:tspack:go:$ARCH:${hash%% *}",
  "creationInfo": { "created": "1980-01-01T00:00:01Z", "creators": ["Tool: tspack/go"] },
  "documentDescribes": ["SPDXRef-go"],
  "packages": [
    {
      "SPDXID": "SPDXRef-go",
      "name": "go",
      "versionInfo": "$VERSION",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "BSD-3-Clause",
      "copyrightText": "NOASSERTION",
      "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "$purl" }]
    }
  ]
}
JSON
}
