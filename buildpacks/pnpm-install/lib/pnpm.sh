# shellcheck shell=bash
# pnpm's part: settings, installation, pruning, scripts. Needs output.sh, application.sh, layers.sh, install.sh; APP,
# LAYERS, EXEC_ENV. What the common files read is set here.
# shellcheck disable=SC2034

LOCK_NAME=pnpm-lock.yaml
MANAGER_FILES=(.npmrc pnpm-workspace.yaml .pnpmfile.cjs .pnpmfile.mjs)
OUTDATED='ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH|ERR_PNPM_FROZEN_LOCKFILE'
REMEDY="pnpm install --lockfile-only"

read_manager_settings() {
  if [[ -z $LOCK ]]; then return 0; fi
  grep -q '^lockfileVersion:' "$APP/$LOCK" || fail "$LOCK has no lockfileVersion" "make it anew with: pnpm install --lockfile-only"
  local line
  line=$(grep -n -m 1 -E '^(<<<<<<<|=======|>>>>>>>)' "$APP/$LOCK" || true)
  [[ -z $line ]] || fail "$LOCK:${line%%:*}: there is a merge conflict in it" "run \"pnpm install\", which resolves it, and commit $LOCK"
}

manager_version() { pnpm --version; }

always_install_with_manager() { :; }

# pnpm 11 and later read variables of another name than those before.
pnpm_setting() {
  export "npm_config_$1=$2" "pnpm_config_$1=$2"
}

# All that pnpm writes is in a layer of its own or in a directory for temporary files: HOME may be read-only.
prepare_manager() {
  SCRATCH=$(mktemp -d)
  trap 'rm -rf "$SCRATCH"' EXIT
  export HOME=$SCRATCH/home XDG_CACHE_HOME=$SCRATCH/cache XDG_STATE_HOME=$SCRATCH/state XDG_DATA_HOME=$SCRATCH/data
  mkdir -p "$HOME" "$LAYERS/pnpm_cache"
  # Without a terminal pnpm asks nothing only when it believes to be in CI.
  export CI=${CI:-true}
  pnpm_setting store_dir "$LAYERS/pnpm_cache"
  # Packages in the application must not share their bytes with the store: a build script may change them.
  pnpm_setting package_import_method clone-or-copy
  pnpm_setting update_notifier false
  # This is already the version that packageManager names.
  pnpm_setting manage_package_manager_versions false
  pnpm_setting pm_on_fail ignore
  # Packages that are removed go at once, not after a week.
  pnpm_setting modules_cache_max_age 0
  # A script runs with the packages that are here: nothing is installed on the way.
  pnpm_setting verify_deps_before_run false
  pnpm_setting reporter append-only
  pnpm_setting fetch_retry_mintimeout "${npm_config_fetch_retry_mintimeout:-1000}"
  pnpm_setting fetch_retry_maxtimeout "${npm_config_fetch_retry_maxtimeout:-8000}"
  if [[ -n ${NPM_CONFIG_REGISTRY:-} ]]; then pnpm_setting registry "$NPM_CONFIG_REGISTRY"; fi
}

install_with_manager() {
  local options=(--frozen-lockfile)
  if [[ -z $LOCK ]]; then
    options=(--no-frozen-lockfile --lockfile=false)
    say "pnpm install: $ALWAYS_INSTALL"
    say 'hint: make a lock with "pnpm install --lockfile-only" and commit it'
  else
    say "pnpm install --frozen-lockfile: $(reason_to_install)"
    if [[ $(restored pnpm_cache lock) == "$(lock_hash)" ]]; then
      options+=(--prefer-offline)
      accept_lock
    fi
  fi
  if wants_all; then options+=(--prod=false); else options+=(--prod); fi
  run_manager install "${options[@]}"
}

# accept_lock: newer pnpm asks the registry how old each package of the lock is; the installation that filled the cache
# for this very lock has done so.
accept_lock() { pnpm_setting minimum_release_age 0; }

# run_script NAME: in a workspace the scripts of that name of the packages that this one needs come first.
run_script() {
  if [[ $HAS_WORKSPACES == true && $PWD != "$APP" ]]; then
    (cd "$APP" && pnpm --filter "{./${SCRIPTS_DIR#"$APP"/}}..." --fail-if-no-match --sort run --if-present "$1")
  else
    pnpm run "$1"
  fi
}

# "pnpm prune" knows nothing of workspaces; an installation of less from the store removes what is too much.
prune_packages() {
  if [[ $EXEC_ENV != production || -z $LOCK ]] || ! wants_all || [[ $HAS_DEV == false ]]; then return 0; fi
  say "pnpm install --prod: packages for development stay out of the image"
  accept_lock
  run_manager install --prod --frozen-lockfile --offline --ignore-scripts
}

# What pnpm remembers of an installation has times in it; the next one begins from the lock.
forget_installation() {
  rm -rf "$APP/node_modules/.modules.yaml" "$APP"/node_modules/.pnpm-*
}

sbom_source() {
  if [[ -n $LOCK ]]; then printf '%s' "$APP/$LOCK"; fi
}

finish_manager_cache() {
  if [[ -n $LOCK && -n $(restored pnpm_cache lock) && $(restored pnpm_cache lock) != "$(lock_hash)" ]]; then
    (cd "$APP" && pnpm store prune >/dev/null 2>&1) || true
  fi
  printf '[types]\ncache = true\n' >"$LAYERS/pnpm_cache.toml"
  if [[ -n $LOCK ]]; then printf '\n[metadata]\nlock = "%s"\n' "$(lock_hash)" >>"$LAYERS/pnpm_cache.toml"; fi
}
