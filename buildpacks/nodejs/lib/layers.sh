# shellcheck shell=bash
# The layer "node", and choices among versions. Needs output.sh, registry.sh, project.sh; LAYERS, BUILDPACK_DIR, SCRATCH
# what find_kept_node and read_requirements set.

node_arch() {
  local machine=${CNB_TARGET_ARCH:-$(uname -m)}
  case $machine in
    amd64 | x86_64) printf x64 ;;
    arm64 | aarch64) printf arm64 ;;
    *) fail "there is no Node.js for the architecture $machine" "build for amd64 or arm64" ;;
  esac
}

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  local line pattern="^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\""
  [[ -f $LAYERS/$1.toml ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ $pattern ]]; then
      printf '%s' "${BASH_REMATCH[1]}"
      return 0
    fi
  done <"$LAYERS/$1.toml"
}

# choose WHAT REQUIREMENTS PACKUMENT: sets VERSION, TARBALL and INTEGRITY, or fails with file, field and range.
choose() {
  local lines
  jq -r -L "$BUILDPACK_DIR/lib" --arg what "$1" --argjson required "$2" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    'include "choose"; report($what; $required)' "$3" >"$SCRATCH/choice"
  mapfile -t lines <"$SCRATCH/choice"
  if [[ ${lines[0]} == failed ]]; then fail "${lines[1]}" "${lines[2]}"; fi
  VERSION=${lines[1]} TARBALL=${lines[2]} INTEGRITY=${lines[3]}
}

# offered REQUIREMENTS < packument: is there any version that fits?
offered() {
  jq -e -L "$BUILDPACK_DIR/lib" --argjson required "$1" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    'include "choose"; choose($required) | has("version")' >/dev/null
}

drop_layer() { rm -rf "${LAYERS:?}/$1" "$LAYERS/$1.toml" "$LAYERS/$1".sbom.*; }

because() { jq -r 'map("\"\(.range)\" (\(.source))") | join(" and ")' <<<"$1"; }

# find_kept_node: sets NODE_ARCH, and NODE_KEPT, the version that an earlier build left here, or nothing.
find_kept_node() {
  NODE_ARCH=$(node_arch)
  NODE_KEPT=$(restored node version)
  if [[ ! -x $LAYERS/node/bin/node || $(restored node arch) != "$NODE_ARCH" ]]; then NODE_KEPT=""; fi
}

install_node() {
  local arch=$NODE_ARCH kept=$NODE_KEPT
  if [[ $KEPT_FITS == true ]]; then
    say "Node.js $kept: satisfies $NODE_BECAUSE"
    say "Reusing cached Node.js $kept: nothing to fetch"
    VERSION=$kept INTEGRITY=$(restored node integrity)
  else
    REGISTRY=${REGISTRY:-$(find_registry)}
    fetch_packument "node-linux-$arch" "$SCRATCH/node.json"
    choose Node.js "$NODE_REQUIRED" "$SCRATCH/node.json"
    say "Node.js $VERSION: satisfies $NODE_BECAUSE"
    if [[ $VERSION == "$kept" && $INTEGRITY == "$(restored node integrity)" ]]; then
      say "Reusing cached Node.js $VERSION: it is still the newest"
    else
      fetch_node "$arch"
    fi
  fi
  node_layer "$arch" "$VERSION" "$INTEGRITY"
}

# fetch_node ARCH: what choose has set. bin/node goes to the layer of the image, the headers wait for install_manager.
fetch_node() {
  fetch_tarball "node-linux-$1" "$VERSION" "$TARBALL" "$INTEGRITY" "$SCRATCH/node.tgz"
  say "Fetched Node.js $VERSION: $(($(stat -c %s "$SCRATCH/node.tgz") / 1000000)) MB, sha512 verified"
  mkdir "$SCRATCH/package"
  tar -xzf "$SCRATCH/node.tgz" -C "$SCRATCH" --no-same-owner --no-same-permissions package/bin/node package/LICENSE package/include
  local manager
  rm -rf "$LAYERS/node"
  for manager in npm pnpm yarn; do drop_layer "$manager"; done
  mkdir -p "$LAYERS/node/bin"
  mv "$SCRATCH/package/bin/node" "$LAYERS/node/bin/node"
  mv "$SCRATCH/package/LICENSE" "$LAYERS/node/LICENSE"
  chmod 0755 "$LAYERS/node/bin/node"
  "$LAYERS/node/bin/node" --version >/dev/null || fail "Node.js $VERSION does not run in this build image" "it needs a newer C library; choose an older Node.js or a newer build image"
}

# node_layer ARCH VERSION INTEGRITY
node_layer() {
  local launch=true
  if is_static; then
    launch=false
    say "Node.js stays out of the image: there is nothing to start, only the result of the build to serve"
  fi
  rm -rf "$LAYERS/node/exec.d" "$LAYERS/node/env.launch"
  mkdir -p "$LAYERS/node/env.launch" "$LAYERS/node/exec.d" "$LAYERS/node/env"
  if [[ ${CNB_EXEC_ENV:-production} == production ]]; then
    printf production >"$LAYERS/node/env.launch/NODE_ENV.default"
  fi
  printf '%s' "$LAYERS/node" >"$LAYERS/node/env/NODE_HOME.override"
  # Run images may have no shell, so this Node.js runs the program itself.
  { printf '#!%s\n' "$LAYERS/node/bin/node" && cat "$BUILDPACK_DIR/lib/memory.cjs"; } >"$LAYERS/node/exec.d/memory"
  chmod 0755 "$LAYERS/node/exec.d/memory"
  cat >"$LAYERS/node.toml" <<TOML
[types]
build = true
launch = $launch
cache = true

[metadata]
version = "$2"
arch = "$1"
integrity = "$3"
TOML
  node_sbom "$1" "$2"
}

# node_sbom ARCH VERSION: of the one package in the layer, in both formats. Advisories about Node.js go by its CPE; the
# purl says where it came from.
node_sbom() {
  local purl=pkg:npm/node-linux-$1@$2 cpe="cpe:2.3:a:nodejs:node.js:$2:*:*:*:*:*:*:*"
  cat >"$LAYERS/node.sbom.cdx.json" <<JSON
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "components": [
    {
      "type": "application",
      "bom-ref": "$purl",
      "name": "node",
      "version": "$2",
      "cpe": "$cpe",
      "purl": "$purl",
      "licenses": [{ "license": { "id": "MIT" } }]
    }
  ]
}
JSON
  cat >"$LAYERS/node.sbom.spdx.json" <<JSON
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "node",
  "documentNamespace": "urn:tspack:sbom:node-linux-$1-$2",
  "creationInfo": { "created": "1980-01-01T00:00:01Z", "creators": ["Tool: tspack-nodejs"] },
  "packages": [
    {
      "SPDXID": "SPDXRef-node",
      "name": "node",
      "versionInfo": "$2",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "MIT",
      "copyrightText": "NOASSERTION",
      "externalRefs": [
        { "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "$purl" },
        { "referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "$cpe" }
      ]
    }
  ],
  "relationships": [
    { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-node" }
  ]
}
JSON
}
