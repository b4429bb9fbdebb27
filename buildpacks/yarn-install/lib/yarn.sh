# shellcheck shell=bash
# Yarn's part, of version 1 and of its successors: settings, installation, pruning, scripts. Needs output.sh,
# application.sh, layers.sh, install.sh; APP, LAYERS, EXEC_ENV. What the common files read is set here.
# shellcheck disable=SC2034

LOCK_NAME=yarn.lock
MANAGER_FILES=(.npmrc .yarnrc .yarnrc.yml)
OUTDATED='YN0028|needs to be updated|frozen-lockfile'
REMEDY="yarn install"

# Sets CLASSIC (Yarn 1) and LINKER.
read_manager_settings() {
  local line
  YARN_VERSION=$(cd "$APP" && yarn --version) || fail "yarn does not run: $YARN_VERSION" "check packageManager in package.json, and yarnPath in .yarnrc.yml"
  CLASSIC=false LINKER=node-modules
  if [[ $YARN_VERSION == [01].* ]]; then CLASSIC=true; fi
  if [[ $CLASSIC == false ]]; then LINKER=$(cd "$APP" && yarn config get nodeLinker 2>/dev/null | tail -n 1); fi
  if [[ -z $LOCK ]]; then return 0; fi
  line=$(grep -n -m 1 -E '^(<<<<<<<|=======|>>>>>>>)' "$APP/$LOCK" || true)
  [[ -z $line ]] || fail "$LOCK:${line%%:*}: there is a merge conflict in it" "run \"yarn install\", which resolves it, and commit $LOCK"
  if [[ $CLASSIC == false ]] && grep -q '^# yarn lockfile v1' "$APP/$LOCK"; then
    fail "$LOCK is of Yarn 1, but Yarn $YARN_VERSION is to read it" "run \"yarn install\" with Yarn $YARN_VERSION and commit $LOCK, or ask for version 1 in packageManager of package.json"
  elif [[ $CLASSIC == true ]] && grep -q '^__metadata:' "$APP/$LOCK"; then
    fail "$LOCK is not of Yarn 1, but Yarn $YARN_VERSION is to read it" "ask for a newer version in packageManager of package.json, for example yarn@4"
  fi
}

manager_version() { printf '%s %s' "$YARN_VERSION" "$LINKER"; }

always_install_with_manager() {
  if [[ $LINKER == pnp ]]; then printf 'Plug'"'"'n'"'"'Play writes .pnp.cjs into the application'; fi
}

# All that Yarn writes is in a layer of its own or in a directory for temporary files: HOME may be read-only.
prepare_manager() {
  SCRATCH=$(mktemp -d)
  trap 'rm -rf "$SCRATCH"' EXIT
  export HOME=$SCRATCH/home
  mkdir -p "$HOME" "$LAYERS/yarn_cache"
  export YARN_ENABLE_TELEMETRY=0 YARN_ENABLE_PROGRESS_BARS=false YARN_ENABLE_HARDENED_MODE=0
  export YARN_GLOBAL_FOLDER=$SCRATCH/global YARN_INSTALL_STATE_PATH=$SCRATCH/install-state.gz
  # A cache that is in the repository stays where it is; Plug'n'Play runs from the cache, so that is in the image.
  if [[ $CLASSIC == true ]]; then
    export YARN_CACHE_FOLDER=$LAYERS/yarn_cache
  else
    export YARN_ENABLE_GLOBAL_CACHE=false
    if [[ $LINKER != pnp && ! -d $APP/.yarn/cache ]]; then export YARN_CACHE_FOLDER=$LAYERS/yarn_cache; fi
    if [[ $LINKER == pnp ]]; then restore_pnp_cache; fi
    prepare_registry
  fi
}

# Yarn 2 and later read neither npm's settings nor the usual variables of proxies.
prepare_registry() {
  local registry=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}} host
  if [[ -n $registry && -z ${YARN_NPM_REGISTRY_SERVER:-} ]] && ! grep -q '^npmRegistryServer:' "$APP/.yarnrc.yml" 2>/dev/null; then
    export YARN_NPM_REGISTRY_SERVER=${registry%/}
    host=${registry#*://}
    host=${host%%/*}
    # The person who chose a registry without TLS knows it.
    if [[ $registry == http://* ]]; then export YARN_UNSAFE_HTTP_WHITELIST=${host%:*}; fi
  fi
  if [[ -z ${YARN_HTTP_PROXY:-} && -n ${HTTP_PROXY:-${http_proxy:-}} ]]; then export YARN_HTTP_PROXY=${HTTP_PROXY:-$http_proxy}; fi
  if [[ -z ${YARN_HTTPS_PROXY:-} && -n ${HTTPS_PROXY:-${https_proxy:-}} ]]; then export YARN_HTTPS_PROXY=${HTTPS_PROXY:-$https_proxy}; fi
}

restore_pnp_cache() {
  if [[ -d $APP/.yarn/cache || ! -d $LAYERS/yarn_cache/cache ]]; then return 0; fi
  mkdir -p "$APP/.yarn"
  cp -a --reflink=auto "$LAYERS/yarn_cache/cache" "$APP/.yarn/cache"
  say "Reusing Yarn's downloads of the last build"
}

install_with_manager() {
  if [[ $CLASSIC == true ]]; then
    install_with_classic
  elif [[ -n $LOCK ]]; then
    say "yarn install --immutable: $(reason_to_install)"
    # A production value would make scripts of packages behave as at launch.
    (unset NODE_ENV && run_manager install --immutable)
  else
    say "yarn install: $ALWAYS_INSTALL"
    say 'hint: make a lock with "yarn install" and commit it'
    (unset NODE_ENV && run_manager install --no-immutable)
  fi
}

install_with_classic() {
  local options=(--non-interactive --no-progress) code=0
  if wants_all; then options+=(--production=false); else options+=(--production); fi
  if [[ -n $LOCK ]]; then
    say "yarn install --frozen-lockfile: $(reason_to_install)"
    options+=(--frozen-lockfile)
    if [[ $(restored yarn_cache lock) == "$(lock_hash)" ]]; then options+=(--prefer-offline); fi
    use_own_registry
  else
    say "yarn install: $ALWAYS_INSTALL"
    say 'hint: make a lock with "yarn install" and commit it'
    options+=(--no-lockfile)
  fi
  (unset NODE_ENV && run_manager install "${options[@]}") || code=$?
  if [[ -f $SCRATCH/yarn.lock ]]; then cp "$SCRATCH/yarn.lock" "$APP/yarn.lock"; fi
  return "$code"
}

# Yarn 1 writes addresses into its lock and asks those, whatever registry is set. While it installs, packages with a hash
# come from the registry that the platform names.
use_own_registry() {
  local registry=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}}
  if [[ -z $registry ]]; then return 0; fi
  cp "$APP/yarn.lock" "$SCRATCH/yarn.lock"
  node "$BUILDPACK_DIR/lib/own-registry.mjs" "$APP/yarn.lock" "${registry%/}"
}

run_script() { yarn run "$1"; }

prune_packages() {
  if [[ $EXEC_ENV != production || $LINKER == pnp || $HAS_DEV == false ]]; then return 0; fi
  if [[ $CLASSIC == true ]]; then
    if ! wants_all; then return 0; fi
    say "yarn install --production: packages for development stay out of the image"
    run_manager install --production --ignore-scripts --offline --non-interactive --no-progress --frozen-lockfile
  elif (cd "$APP" && yarn workspaces focus --help >/dev/null 2>&1); then
    say "yarn workspaces focus --production: packages for development stay out of the image"
    YARN_ENABLE_SCRIPTS=false YARN_ENABLE_NETWORK=false run_manager workspaces focus --all --production
  else
    say "packages for development stay in the image: Yarn $YARN_VERSION removes them only with its plugin workspace-tools"
  fi
}

forget_installation() { :; }

# sbom_source: newer Yarn has made a lock also for an application without one, and needs it to run scripts.
sbom_source() {
  if [[ -f $APP/yarn.lock ]]; then printf '%s' "$APP/yarn.lock"; fi
}

finish_manager_cache() {
  if [[ $LINKER == pnp ]]; then finish_pnp; fi
  rm -rf "$LAYERS/yarn_cache/.tmp"
  printf '[types]\ncache = true\n' >"$LAYERS/yarn_cache.toml"
  if [[ -n $LOCK ]]; then printf '\n[metadata]\nlock = "%s"\n' "$(lock_hash)" >>"$LAYERS/yarn_cache.toml"; fi
}

# With Plug'n'Play Node.js has to be told of the file that knows where packages are.
finish_pnp() {
  local required="--require $APP/.pnp.cjs"
  if [[ -f $APP/.pnp.loader.mjs ]]; then required+=" --experimental-loader $APP/.pnp.loader.mjs"; fi
  drop_layer pnp
  mkdir -p "$LAYERS/pnp/env.launch"
  printf '%s' "$required" >"$LAYERS/pnp/env.launch/NODE_OPTIONS.prepend"
  printf ' ' >"$LAYERS/pnp/env.launch/NODE_OPTIONS.delim"
  printf '[types]\nlaunch = true\n' >"$LAYERS/pnp.toml"
  rm -rf "$LAYERS/yarn_cache"
  mkdir -p "$LAYERS/yarn_cache"
  if [[ -d $APP/.yarn/cache ]]; then cp -a --reflink=auto "$APP/.yarn/cache" "$LAYERS/yarn_cache/cache"; fi
}
