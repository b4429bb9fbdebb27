# shellcheck shell=bash
# The layers "node" and "npm". Needs output.sh, registry.sh, requirements.sh; LAYERS, BUILDPACK_DIR, SCRATCH.

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

# choose REQUIREMENTS < packument: the choice as JSON, or a failure that names file, field and range.
choose() {
  local choice
  choice=$(jq -c -L "$BUILDPACK_DIR/lib" --argjson required "$1" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    'include "choose"; try choose($required) catch if type == "object" then . else error end')
  case $choice in
    '{"invalid"'*)
      fail "$2: $(jq -r '"\"\(.invalid.range)\" (\(.invalid.source)) is no version range: \(.reason)"' <<<"$choice")" 'write it as "^22", "22.x", ">=20 <25" or "22.12.0"'
      ;;
    '{"unsatisfied"'*)
      fail "$2: $(jq -r --argjson required "$1" 'if .conflict
        then "no version satisfies " + ($required | map("\"\(.range)\" (\(.source))") | join(" and "))
        else "no version satisfies \"\(.unsatisfied.range)\" (\(.unsatisfied.source))" end' <<<"$choice")" \
        "nearest versions: $(jq -r '.nearest | join(", ")' <<<"$choice")"
      ;;
    *) printf '%s' "$choice" ;;
  esac
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

# The line of long-term support is the default: {range, source} as if the application had asked for it.
default_node() { jq -c '[{range: "\(.lts | map(.major) | max).x", source: "default: newest long-term support"}]' "$BUILDPACK_DIR/lib/releases.json"; }

install_node() {
  local arch required version kept choice
  arch=$(node_arch)
  required=$(node_requirements | jq -s -c .)
  if [[ $required == "[]" ]]; then required=$(default_node); fi
  version=$(restored node version)
  kept=$version
  if [[ -z $version || ! -x $LAYERS/node/bin/node || $(restored node arch) != "$arch" ]]; then kept=""; fi

  if [[ -n $kept ]] && still_satisfies "$kept" "$required"; then
    say "Node.js $kept: satisfies $(because "$required")"
    say "Reusing cached Node.js $kept: nothing to fetch"
  else
    REGISTRY=${REGISTRY:-$(find_registry)}
    fetch_packument "node-linux-$arch" "$SCRATCH/node.json"
    choice=$(choose "$required" Node.js <"$SCRATCH/node.json")
    version=$(jq -r .version <<<"$choice")
    say "Node.js $version: satisfies $(because "$required")"
    if [[ $version == "$kept" ]]; then
      say "Reusing cached Node.js $version: it is still the newest"
    else
      fetch_node "$arch" "$version" "$choice"
    fi
  fi
  node_layer "$arch" "$(restored node version)" "$(restored node integrity)"
}

# fetch_node ARCH VERSION CHOICE: bin/node goes to the layer of the image, the headers wait for install_npm.
fetch_node() {
  local arch=$1 version=$2 choice=$3 integrity
  integrity=$(jq -r '.integrity // ""' <<<"$choice")
  fetch_tarball "node-linux-$arch" "$version" "$(jq -r .tarball <<<"$choice")" "$integrity" "$SCRATCH/node.tgz"
  say "Fetched Node.js $version: $(($(stat -c %s "$SCRATCH/node.tgz") / 1000000)) MB, sha512 verified"
  mkdir "$SCRATCH/package"
  tar -xzf "$SCRATCH/node.tgz" -C "$SCRATCH" --no-same-owner --no-same-permissions package/bin/node package/LICENSE package/include
  rm -rf "$LAYERS/node" "$LAYERS/npm" "$LAYERS/npm.toml"
  mkdir -p "$LAYERS/node/bin"
  mv "$SCRATCH/package/bin/node" "$LAYERS/node/bin/node"
  mv "$SCRATCH/package/LICENSE" "$LAYERS/node/LICENSE"
  chmod 0755 "$LAYERS/node/bin/node"
  "$LAYERS/node/bin/node" --version >/dev/null || fail "Node.js $version does not run in this build image" "it needs a newer C library; choose an older Node.js or a newer build image"
  printf '[metadata]\nversion = "%s"\nintegrity = "%s"\n' "$version" "$integrity" >"$LAYERS/node.toml"
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
  jq -n --arg version "$2" --arg arch "$1" '{
    bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
    components: [{type: "application", name: "node", version: $version, "bom-ref": "pkg:npm/node-linux-\($arch)@\($version)",
      purl: "pkg:npm/node-linux-\($arch)@\($version)", licenses: [{license: {id: "MIT"}}]}]
  }' >"$LAYERS/node.sbom.cdx.json"
}

# The npm that an application asks for, else the line that belongs to its Node.js, else the newest that accepts it.
install_npm() {
  local node required key choice version integrity
  node=$(restored node version)
  required=$(npm_requirements | jq -s -c .)
  if [[ $required == "[]" ]]; then required=$(line_of_npm "$node"); fi
  key=$(sha256sum <<<"$node $required")
  key=${key%% *}
  version=$(restored npm version)
  if [[ -n $version && $(restored npm key) == "$key" && -x $LAYERS/npm/lib/npm/bin/npm-cli.js && -d $LAYERS/npm/headers/include/node ]]; then
    say "Reusing cached npm $version: same Node.js, same requirements"
    npm_layer "$version" "$key" "$(restored npm integrity)"
    return 0
  fi
  REGISTRY=${REGISTRY:-$(find_registry)}
  fetch_packument npm "$SCRATCH/npm-all.json"
  accepting "$node" <"$SCRATCH/npm-all.json" >"$SCRATCH/npm.json"
  if [[ $required == "[]" ]] || { [[ $required == *"the line of Node.js"* ]] && ! offered "$required" <"$SCRATCH/npm.json"; }; then
    required='[{"range": "*", "source": "the newest that accepts this Node.js"}]'
  fi
  choice=$(choose "$required" "npm for Node.js $node" <"$SCRATCH/npm.json")
  version=$(jq -r .version <<<"$choice")
  integrity=$(jq -r '.integrity // ""' <<<"$choice")
  say "npm $version: satisfies $(because "$required")"
  fetch_npm "$version" "$choice" "$integrity" "$node"
  npm_layer "$version" "$key" "$integrity"
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

# fetch_npm VERSION CHOICE INTEGRITY NODE
fetch_npm() {
  fetch_tarball npm "$1" "$(jq -r .tarball <<<"$2")" "$3" "$SCRATCH/npm.tgz"
  mkdir "$SCRATCH/npm"
  tar -xzf "$SCRATCH/npm.tgz" -C "$SCRATCH/npm" --no-same-owner --no-same-permissions
  [[ -d $SCRATCH/package/include ]] || fetch_headers "$4"
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
