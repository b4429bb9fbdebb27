# shellcheck shell=bash
# Running npm. Needs output.sh, application.sh; APP, LAYERS, EXEC_ENV, BUILD_CHANGED_MODULES is set here.

# npm keeps all that it writes in a layer of its own or in a directory for temporary files: HOME may be read-only.
prepare_npm() {
  SCRATCH=$(mktemp -d)
  trap 'rm -rf "$SCRATCH"' EXIT
  export HOME=$SCRATCH/home
  mkdir -p "$HOME" "$LAYERS/npm_cache"
  export npm_config_cache=$LAYERS/npm_cache
  export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_progress=false
  export npm_config_logs_max=0
  # The cache was filled for this very lock, whose hashes say what is installed: no question to the registry is needed.
  # For another lock it would be wrong: npm does not look for a version that an old answer in its cache lacks.
  if [[ -n $LOCK && $(restored npm_cache lock) == "$(lock_hash)" ]]; then export npm_config_prefer_offline=true; fi
  # Without network the build shall end in seconds, not minutes.
  export npm_config_fetch_retry_mintimeout=${npm_config_fetch_retry_mintimeout:-1000}
  export npm_config_fetch_retry_maxtimeout=${npm_config_fetch_retry_maxtimeout:-8000}
  # Node.js reads neither of the variables by which other programs are told of further authorities.
  if [[ -z ${NODE_EXTRA_CA_CERTS:-} && -n ${SSL_CERT_FILE:-} ]]; then export NODE_EXTRA_CA_CERTS=$SSL_CERT_FILE; fi
}

# All packages when a script or an environment other than production needs those for development.
wants_all() { [[ $HAS_BUILD == true || $HAS_HOOKS == true || $EXEC_ENV != production ]]; }

install_packages() {
  local all="--omit=dev"
  if wants_all; then all="--include=dev"; fi
  rm -rf "$APP/node_modules"
  if [[ $HAS_BUILD == true && -z $ALWAYS_INSTALL && -d $LAYERS/build_modules/node_modules && $(restored build_modules key) == "$KEY" ]]; then
    say "Reusing cached packages for the build script: lock unchanged"
    mv "$LAYERS/build_modules/node_modules" "$APP/node_modules"
    return 0
  fi
  drop_layer build_modules
  if [[ -n $LOCK ]]; then
    say "npm ci: $(reason_to_install)"
    run_npm ci "$all"
  else
    say "npm install: $ALWAYS_INSTALL"
    say 'hint: make a lock with "npm install --package-lock-only" and commit it'
    run_npm install "$all" --no-package-lock
  fi
  mkdir -p "$APP/node_modules"
}

reason_to_install() {
  if [[ -n $ALWAYS_INSTALL ]]; then
    printf '%s' "$ALWAYS_INSTALL"
  elif [[ -z $(restored modules key) ]]; then
    printf 'no earlier build to reuse'
  else
    printf 'package.json, %s, .npmrc or the version of Node.js or npm has changed' "$LOCK"
  fi
}

run_npm() {
  local code=0
  npm "$@" || code=$?
  if ((code != 0)); then
    fail "npm $1 failed with exit code $code" "npm's own message is above; the registry comes from NPM_CONFIG_REGISTRY or .npmrc"
  fi
}

# Build tools expect a real node_modules beside the sources, so it becomes a link only afterwards.
run_build_script() {
  BUILD_CHANGED_MODULES=false
  if [[ $HAS_BUILD == false ]]; then return 0; fi
  say "npm run build: $(package_json .scripts.build)"
  touch "$SCRATCH/before"
  local code=0
  NODE_ENV=${NODE_ENV:-$EXEC_ENV} npm run build || code=$?
  if ((code != 0)); then fail "the build script of package.json failed with exit code $code" "its own output is above; try: npm ci && npm run build"; fi
  if [[ -n $(find "$APP/node_modules" -path "$APP/node_modules/.cache" -prune -o -newer "$SCRATCH/before" ! -type d -print -quit) ]]; then
    BUILD_CHANGED_MODULES=true
  fi
}

prune_packages() {
  if [[ $EXEC_ENV != production ]] || ! wants_all || [[ $HAS_DEV == false ]]; then return 0; fi
  say "npm prune: packages for development stay out of the image"
  run_npm prune --omit=dev --ignore-scripts
}
