# shellcheck shell=bash
# The layers "node" and "npm". Needs output.sh, registry.sh; LAYERS, BUILDPACK_DIR, SCRATCH and what read_requirements sets.

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
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
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

# still_satisfies VERSION REQUIREMENTS: would a version that is here already be accepted?
still_satisfies() {
  jq -e -n -L "$BUILDPACK_DIR/lib" --arg version "$1" --argjson required "$2" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    'include "semver"; include "choose"; ($required | wants_newest | not) and (try ($required | requirements) catch null) as $r
     | $r != null and ($version | version | . != null and satisfies_all($r))' >/dev/null
}

# offered REQUIREMENTS < packument: is there any version that fits?
offered() {
  jq -e -L "$BUILDPACK_DIR/lib" --argjson required "$1" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    'include "choose"; choose($required) | has("version")' >/dev/null
}

because() { jq -r 'map("\"\(.range)\" (\(.source))") | join(" and ")' <<<"$1"; }

install_node() {
  local arch kept
  arch=$(node_arch)
  kept=$(restored node version)
  if [[ -z $kept || ! -x $LAYERS/node/bin/node || $(restored node arch) != "$arch" ]]; then kept=""; fi

  if [[ -n $kept ]] && still_satisfies "$kept" "$NODE_REQUIRED"; then
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

# fetch_node ARCH: what choose has set. bin/node goes to the layer of the image, the headers wait for install_npm.
fetch_node() {
  fetch_tarball "node-linux-$1" "$VERSION" "$TARBALL" "$INTEGRITY" "$SCRATCH/node.tgz"
  say "Fetched Node.js $VERSION: $(($(stat -c %s "$SCRATCH/node.tgz") / 1000000)) MB, sha512 verified"
  mkdir "$SCRATCH/package"
  tar -xzf "$SCRATCH/node.tgz" -C "$SCRATCH" --no-same-owner --no-same-permissions package/bin/node package/LICENSE package/include
  rm -rf "$LAYERS/node" "$LAYERS/npm" "$LAYERS/npm.toml"
  mkdir -p "$LAYERS/node/bin"
  mv "$SCRATCH/package/bin/node" "$LAYERS/node/bin/node"
  mv "$SCRATCH/package/LICENSE" "$LAYERS/node/LICENSE"
  chmod 0755 "$LAYERS/node/bin/node"
  "$LAYERS/node/bin/node" --version >/dev/null || fail "Node.js $VERSION does not run in this build image" "it needs a newer C library; choose an older Node.js or a newer build image"
}

# node_layer ARCH VERSION INTEGRITY
node_layer() {
  mkdir -p "$LAYERS/node/env.launch"
  if [[ ${CNB_EXEC_ENV:-production} == production ]]; then
    printf production >"$LAYERS/node/env.launch/NODE_ENV.default"
  else
    rm -f "$LAYERS/node/env.launch/NODE_ENV.default"
  fi
  mkdir -p "$LAYERS/node/env"
  printf '%s' "$LAYERS/node" >"$LAYERS/node/env/NODE_HOME.override"
  cat >"$LAYERS/node.toml" <<TOML
[types]
build = true
launch = true
cache = true

[metadata]
version = "$2"
arch = "$1"
integrity = "$3"
TOML
  local purl=pkg:npm/node-linux-$1@$2
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
      "purl": "$purl",
      "licenses": [{ "license": { "id": "MIT" } }]
    }
  ]
}
JSON
}

# The npm that an application asks for, else the line that belongs to its Node.js, else the newest that accepts it.
install_npm() {
  local node=$VERSION required=$NPM_REQUIRED key kept
  if [[ $required == "[]" ]]; then required=$(line_of_npm "$node"); fi
  key=$(sha256sum <<<"$node $required")
  key=${key%% *}
  kept=$(restored npm version)
  if [[ -n $kept && $(restored npm key) == "$key" && -x $LAYERS/npm/lib/npm/bin/npm-cli.js && -d $LAYERS/npm/headers/include/node ]]; then
    say "Reusing cached npm $kept: same Node.js, same requirements"
    npm_layer "$kept" "$key" "$(restored npm integrity)"
    return 0
  fi
  REGISTRY=${REGISTRY:-$(find_registry)}
  fetch_packument npm "$SCRATCH/npm-all.json"
  accepting "$node" <"$SCRATCH/npm-all.json" >"$SCRATCH/npm.json"
  if [[ $required == "[]" ]] || { [[ $required == *"the line of Node.js"* ]] && ! offered "$required" <"$SCRATCH/npm.json"; }; then
    required='[{"range": "*", "source": "the newest that accepts this Node.js"}]'
  fi
  choose "npm for Node.js $node" "$required" "$SCRATCH/npm.json"
  say "npm $VERSION: satisfies $(because "$required")"
  fetch_npm "$node"
  npm_layer "$VERSION" "$key" "$INTEGRITY"
}

# line_of_npm NODE: the npm that a long-term line of Node.js is shipped with, as a requirement.
line_of_npm() {
  jq -c --arg node "$1" '[.lts[] | select(.major == ($node | split(".")[0] | tonumber))
    | {range: .npm, source: "the line of Node.js \(.major)"}]' "$BUILDPACK_DIR/lib/releases.json"
}

# accepting NODE < packument: only the versions whose engines.node accepts it, without prereleases.
accepting() {
  jq -c -L "$BUILDPACK_DIR/lib" --arg node "$1" 'include "semver";
    ($node | version) as $v
    | .versions |= with_entries(select(.key | contains("-") | not)
        | select((.value.engines | if type == "object" then .node else null end) as $range
            | $range == null or ((try ($range | range_of) catch []) as $sets | $v | satisfies($sets))))'
}

# fetch_npm NODE: what choose has set, and the headers of that Node.js.
fetch_npm() {
  fetch_tarball npm "$VERSION" "$TARBALL" "$INTEGRITY" "$SCRATCH/npm.tgz"
  mkdir "$SCRATCH/npm"
  tar -xzf "$SCRATCH/npm.tgz" -C "$SCRATCH/npm" --no-same-owner --no-same-permissions
  [[ -d $SCRATCH/package/include ]] || fetch_headers "$1"
  rm -rf "$LAYERS/npm"
  mkdir -p "$LAYERS/npm/lib" "$LAYERS/npm/bin" "$LAYERS/npm/headers"
  mv "$SCRATCH/npm/package" "$LAYERS/npm/lib/npm"
  ln -s ../lib/npm/bin/npm-cli.js "$LAYERS/npm/bin/npm"
  ln -s ../lib/npm/bin/npx-cli.js "$LAYERS/npm/bin/npx"
  chmod 0755 "$LAYERS/npm/lib/npm/bin/npm-cli.js" "$LAYERS/npm/lib/npm/bin/npx-cli.js"
  # OpenSSL's headers for forty other machines are most of what is there.
  find "$SCRATCH/package/include/node/openssl/archs" -mindepth 1 -maxdepth 1 ! -name linux-x86_64 ! -name linux-aarch64 \
    -exec rm -rf {} + 2>/dev/null || true
  mv "$SCRATCH/package/include" "$LAYERS/npm/headers/include"
}

# Node.js came from the cache, but its headers did not.
fetch_headers() {
  local arch dist
  arch=$(node_arch)
  [[ -f $SCRATCH/node.json ]] || fetch_packument "node-linux-$arch" "$SCRATCH/node.json"
  dist=$(jq -c --arg version "$1" '.versions[$version].dist // {}' "$SCRATCH/node.json")
  fetch_tarball "node-linux-$arch" "$1" "$(jq -r '.tarball // ""' <<<"$dist")" "$(jq -r '.integrity // ""' <<<"$dist")" "$SCRATCH/node.tgz"
  tar -xzf "$SCRATCH/node.tgz" -C "$SCRATCH" --no-same-owner --no-same-permissions package/include
}

# npm_layer VERSION KEY INTEGRITY: npm serves the build only. Addons compile against the headers beside it, so that
# node-gyp fetches nothing.
npm_layer() {
  mkdir -p "$LAYERS/npm/env.build"
  rm -f "$LAYERS"/npm/env.build/*
  # Newer npm warns about variables that are no settings of its own; older node-gyp reads no other.
  local variable=npm_package_config_node_gyp_nodedir
  if ((${1%%.*} < 11)); then variable=npm_config_nodedir; fi
  printf '%s' "$LAYERS/npm/headers" >"$LAYERS/npm/env.build/$variable.default"
  cat >"$LAYERS/npm.toml" <<TOML
[types]
build = true
cache = true

[metadata]
version = "$1"
key = "$2"
integrity = "$3"
TOML
}
