# shellcheck shell=bash
# The layers "npm", "pnpm" and "yarn": a package manager, for the build only, and Node's headers beside it. Needs
# output.sh, registry.sh, layers.sh, requirements.sh; LAYERS, BUILDPACK_DIR, SCRATCH, NODE_VERSION, ROOT.

# install_manager NAME: the version that the application asks for, else the line that belongs to the lock file or to
# Node.js, else the newest that accepts this Node.js.
install_manager() {
  local name=$1 package=$1 required key kept
  required=${MANAGERS_REQUIRED[$name]}
  if [[ $required == "[]" ]]; then required=$(default_line "$name"); fi
  if [[ $name == yarn ]] && ! is_classic "$required"; then package=@yarnpkg/cli-dist; fi
  key=$(sha256sum <<<"$NODE_VERSION $package $required")
  key=${key%% *}
  kept=$(restored "$name" version)
  if [[ -n $kept && $(restored "$name" key) == "$key" && -e $LAYERS/$name/bin/$name && -d $LAYERS/$name/headers/include/node ]]; then
    say "Reusing cached $name $kept: same Node.js, same requirements"
    manager_layer "$name" "$kept" "$key" "$(restored "$name" integrity)"
    return 0
  fi
  REGISTRY=${REGISTRY:-$(find_registry)}
  fetch_packument "$package" "$SCRATCH/$name-all.json"
  accepting "$NODE_VERSION" "$required" <"$SCRATCH/$name-all.json" >"$SCRATCH/$name.json"
  if [[ $required == "[]" ]] || { [[ $required == *"the line of"* ]] && ! offered "$required" <"$SCRATCH/$name.json"; }; then
    required='[{"range": "*", "source": "the newest that accepts this Node.js"}]'
  fi
  choose "$name for Node.js $NODE_VERSION" "$required" "$SCRATCH/$name.json"
  say "$name $VERSION: satisfies $(because "$required")"
  fetch_manager "$name" "$package" "$(jq -r '[.[].hash // empty][0] // ""' <<<"$required")"
  manager_layer "$name" "$VERSION" "$key" "$INTEGRITY"
}

# default_line NAME: the npm that a long-term line of Node.js is shipped with, the pnpm or yarn that writes this lock
# file, as a requirement; an empty list when nothing is known.
default_line() {
  local lock=""
  if [[ $1 == npm ]]; then
    jq -c --arg node "$NODE_VERSION" '[.lts[] | select(.major == ($node | split(".")[0] | tonumber))
      | {range: .npm, source: "the line of Node.js \(.major)"}]' "$BUILDPACK_DIR/lib/releases.json"
    return 0
  fi
  if [[ $1 == pnpm && -f $ROOT/pnpm-lock.yaml ]]; then
    lock=$(sed -n -E "s/^lockfileVersion:[[:space:]]*'?([0-9]+).*/\1/p" "$ROOT/pnpm-lock.yaml" | head -n 1)
  elif [[ $1 == yarn && -f $ROOT/yarn.lock ]]; then
    lock=$(lock_version_of_yarn)
  fi
  jq -c --arg name "$1" --arg lock "$lock" '[.[$name][] | select(.lock == $lock)
    | {range, source: "the line of the lock file"}]' "$BUILDPACK_DIR/lib/releases.json"
}

lock_version_of_yarn() {
  if grep -q '^# yarn lockfile v1' "$ROOT/yarn.lock"; then
    printf 1
  else
    sed -n -E '/^__metadata:/,/^[^[:space:]_]/s/^[[:space:]]+version:[[:space:]]*"?([0-9]+).*/\1/p' "$ROOT/yarn.lock" | head -n 1
  fi
}

# is_classic REQUIRED: is Yarn 1 asked for, which is a package of another name than its successors?
is_classic() {
  jq -e -n -L "$BUILDPACK_DIR/lib" --argjson required "$1" 'include "semver"; $required != [] and
    ("1.22.22" | version) as $classic | all($required[]; (try (.range | range_of) catch []) as $sets | $classic | satisfies($sets))
    or any($required[]; .range | test("^[=v]*1[.]"))' >/dev/null
}

# accepting NODE REQUIRED < packument: only the versions whose engines.node accepts it; prereleases only for those who
# name one.
accepting() {
  jq -c -L "$BUILDPACK_DIR/lib" --arg node "$1" --argjson required "$2" 'include "semver";
    ($node | version) as $v | any($required[]; .range | contains("-")) as $prereleases
    | .versions |= with_entries(select($prereleases or (.key | contains("-") | not))
        | select((.value.engines | if type == "object" then .node else null end) as $range
            | $range == null or ((try ($range | range_of) catch []) as $sets | $v | satisfies($sets))))'
}

# fetch_manager NAME PACKAGE HASH: what choose has set, and the headers of this Node.js.
fetch_manager() {
  local name=$1 unpacked=$SCRATCH/$1 target
  fetch_tarball "$2" "$VERSION" "$TARBALL" "$INTEGRITY" "$SCRATCH/$name.tgz"
  mkdir "$unpacked"
  tar -xzf "$SCRATCH/$name.tgz" -C "$unpacked" --no-same-owner --no-same-permissions
  if [[ -n $3 ]]; then check_declared_hash "$name" "$3"; fi
  if [[ $name == pnpm ]]; then fetch_native_pnpm "$unpacked/package"; fi
  [[ -d $SCRATCH/package/include ]] || fetch_headers
  rm -rf "${LAYERS:?}/$name"
  mkdir -p "$LAYERS/$name/lib" "$LAYERS/$name/bin" "$LAYERS/$name/headers"
  mv "$unpacked/package" "$LAYERS/$name/lib/$name"
  while read -r command target; do
    ln -s "../lib/$name/$target" "$LAYERS/$name/bin/$command"
    chmod 0755 "$LAYERS/$name/lib/$name/$target"
  done < <(programs_of "$LAYERS/$name/lib/$name" "$name")
  [[ -e $LAYERS/$name/bin/$name ]] || fail "the package $2@$VERSION has no program $name" "choose another version of $name"
  say "Fetched $name $VERSION: $(($(stat -c %s "$SCRATCH/$name.tgz") / 1000000)) MB, sha512 verified"
  # OpenSSL's headers for forty other machines are most of what is there.
  find "$SCRATCH/package/include/node/openssl/archs" -mindepth 1 -maxdepth 1 ! -name linux-x86_64 ! -name linux-aarch64 \
    -exec rm -rf {} + 2>/dev/null || true
  cp -a "$SCRATCH/package/include" "$LAYERS/$name/headers/include"
}

# programs_of DIRECTORY NAME: "command file" for each program of a package, none outside of it.
programs_of() {
  jq -r --arg name "$2" '(.bin? // {} | if type == "string" then {($name): .} else . end) | to_entries[]
    | select((.key | test("^[A-Za-z0-9_-]+$")) and (.value | test("^(\\./)?[A-Za-z0-9_./-]+$") and (contains("..") | not)))
    | "\(.key) \(.value | ltrimstr("./"))"' "$1/package.json"
}

# check_declared_hash NAME ALGORITHM.HEX: the hash that corepack writes behind the version, of the package, or of
# yarn's program from version 2 on.
check_declared_hash() {
  local algorithm=${2%%.*} wanted=${2#*.} file=$SCRATCH/$1.tgz got
  if [[ $1 == yarn && ${VERSION%%.*} -ge 2 ]]; then file=$SCRATCH/yarn/package/bin/yarn.js; fi
  [[ $algorithm =~ ^sha(1|224|256|384|512)$ && $wanted =~ ^[0-9a-f]+$ ]] ||
    fail "packageManager in package.json: \"$2\" is no hash" "write it as name@version+sha512.<hex>, or leave the hash out"
  got=$("${algorithm}sum" "$file")
  got=${got%% *}
  [[ $got == "$wanted" ]] || fail "$1@$VERSION does not match packageManager in package.json: expected $algorithm $wanted, got $got" "the package or the field was changed; make the field anew with: corepack use $1@$VERSION"
}

# fetch_native_pnpm DIRECTORY: from version 12 on pnpm is a program in a package of its own for each machine, which
# takes the place of the one that would download it.
fetch_native_pnpm() {
  local package exact dist
  package=@pnpm/exe.linux-$(node_arch)
  exact=$(jq -r --arg package "$package" '.optionalDependencies?[$package]? // ""' "$1/package.json")
  if [[ -z $exact ]]; then return 0; fi
  fetch_packument "$package" "$SCRATCH/pnpm-exe.json"
  dist=$(jq -c --arg version "$exact" '.versions[$version].dist // {}' "$SCRATCH/pnpm-exe.json")
  fetch_tarball "$package" "$exact" "$(jq -r '.tarball // ""' <<<"$dist")" "$(jq -r '.integrity // ""' <<<"$dist")" "$SCRATCH/pnpm-exe.tgz"
  tar -xzf "$SCRATCH/pnpm-exe.tgz" -C "$1" --strip-components=1 --no-same-owner --no-same-permissions package/pnpm
}

# Node.js came from the cache, but its headers did not.
fetch_headers() {
  local arch dist
  arch=$(node_arch)
  [[ -f $SCRATCH/node.json ]] || fetch_packument "node-linux-$arch" "$SCRATCH/node.json"
  dist=$(jq -c --arg version "$NODE_VERSION" '.versions[$version].dist // {}' "$SCRATCH/node.json")
  fetch_tarball "node-linux-$arch" "$NODE_VERSION" "$(jq -r '.tarball // ""' <<<"$dist")" "$(jq -r '.integrity // ""' <<<"$dist")" "$SCRATCH/node.tgz"
  tar -xzf "$SCRATCH/node.tgz" -C "$SCRATCH" --no-same-owner --no-same-permissions package/include
}

# manager_layer NAME VERSION KEY INTEGRITY: it serves the build only. Addons compile against the headers beside it, so
# that node-gyp fetches nothing.
manager_layer() {
  local variable variables=(npm_package_config_node_gyp_nodedir)
  # Newer npm warns about variables that are no settings of its own; older node-gyp reads no other.
  if [[ $1 != npm ]]; then
    variables+=(npm_config_nodedir)
  elif ((${2%%.*} < 11)); then
    variables=(npm_config_nodedir)
  fi
  mkdir -p "$LAYERS/$1/env.build"
  rm -f "$LAYERS/$1"/env.build/*
  for variable in "${variables[@]}"; do
    printf '%s' "$LAYERS/$1/headers" >"$LAYERS/$1/env.build/$variable.default"
  done
  cat >"$LAYERS/$1.toml" <<TOML
[types]
build = true
cache = true

[metadata]
version = "$2"
key = "$3"
integrity = "$4"
TOML
}
