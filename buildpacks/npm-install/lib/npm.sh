# shellcheck shell=bash
# npm's part: settings, installation, pruning, scripts. Needs output.sh, application.sh, layers.sh, install.sh; APP, LAYERS,
# EXEC_ENV. What the common files read is set here.
# shellcheck disable=SC2034

LOCK_NAME=package-lock.json
MANAGER_FILES=(.npmrc)
OUTDATED='can only install packages when|EUSAGE'
REMEDY="npm install --package-lock-only"

read_manager_settings() { :; }

# A lock that was installed before is valid, and reading a large one takes jq as long as all the rest.
check_lock() { jq . "$APP/$LOCK" >/dev/null || fail "$LOCK is not valid JSON" "make it anew with: npm install --package-lock-only"; }

# manager_version: as "npm --version" says it, which takes npm 150 ms to find in its own package.json.
manager_version() {
  local line file
  file=$(realpath "$(command -v npm)")
  file=${file%/bin/*}/package.json
  if [[ -f $file && $file == */npm/package.json ]]; then
    while IFS= read -r line; do
      if [[ $line =~ ^\ \ \"version\":\ \"([0-9A-Za-z.+-]+)\",?$ ]]; then
        printf '%s\n' "${BASH_REMATCH[1]}"
        return 0
      fi
    done <"$file"
  fi
  npm --version
}

always_install_with_manager() { :; }

# npm keeps all that it writes in a layer of its own or in a directory for temporary files: HOME may be read-only.
prepare_manager() {
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
}

install_with_manager() {
  local all="--omit=dev"
  if wants_all; then all="--include=dev"; fi
  if [[ -n $LOCK ]]; then
    check_lock
    say "npm ci: $(reason_to_install)"
    run_manager ci "$all"
  else
    say "npm install: $ALWAYS_INSTALL"
    say 'hint: make a lock with "npm install --package-lock-only" and commit it'
    run_manager install "$all" --no-package-lock
  fi
}

run_script() { npm run "$1"; }

prune_packages() {
  if [[ $EXEC_ENV != production ]] || ! wants_all || [[ $HAS_DEV == false ]]; then return 0; fi
  say "npm prune: packages for development stay out of the image"
  run_manager prune --omit=dev --ignore-scripts
}

forget_installation() { :; }

# sbom_source: the lock that npm leaves beside the packages says what is there, also when the application has no lock.
sbom_source() {
  if [[ -f $APP/node_modules/.package-lock.json ]]; then
    printf '%s' "$APP/node_modules/.package-lock.json"
  elif [[ -n $LOCK ]]; then
    printf '%s' "$APP/$LOCK"
  fi
}

finish_manager_cache() {
  rm -rf "$LAYERS/npm_cache/_logs" "$LAYERS/npm_cache/_update-notifier-last-checked"
  printf '[types]\ncache = true\n' >"$LAYERS/npm_cache.toml"
  if [[ -n $LOCK ]]; then printf '\n[metadata]\nlock = "%s"\n' "$(lock_hash)" >>"$LAYERS/npm_cache.toml"; fi
}
