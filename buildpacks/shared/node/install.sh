# shellcheck shell=bash
# The order of things. npm-install, pnpm-install and yarn-install each have this file. Needs all others.

install_application() {
  local modules=new
  rm -f "$LAYERS"/launch.sbom.*
  read_application
  prepare_manager
  prepare_certificates
  if [[ -n $LOCK ]]; then cp "$APP/$LOCK" "$SCRATCH/lock"; fi
  if [[ -z $ALWAYS_INSTALL && $(restored modules key) == "$KEY" ]]; then modules=unchanged; fi

  if [[ $modules == unchanged && $HAS_BUILD == false ]]; then
    say "Reusing cached node_modules: lock unchanged"
    drop_layer build_modules
  else
    BUILD_CHANGED_MODULES=false
    install_packages
    run_build_scripts
    if [[ $modules == unchanged && $BUILD_CHANGED_MODULES == false && $(restored modules changed_by_build) != true ]]; then
      say "Reusing cached node_modules: lock unchanged"
      keep_for_next_build move
    else
      take_new_modules
      modules=new
    fi
  fi
  finish_layers "$modules"
  # The image has the lock that the application came with.
  if [[ -n $LOCK ]] && ! cmp -s "$SCRATCH/lock" "$APP/$LOCK"; then cp "$SCRATCH/lock" "$APP/$LOCK"; fi
}

# An application that is complete without node_modules gets none into its image.
take_new_modules() {
  local complete=""
  if is_static; then
    complete="there is nothing to start, only the result of the build to serve"
  elif [[ $EXEC_ENV == production && -n $(find_standalone) ]]; then
    complete=".next/standalone has what the server needs"
  fi
  if [[ -n $complete ]]; then
    say "node_modules stays out of the image: $complete"
    write_sboms launch
    if [[ $HAS_BUILD == true ]]; then keep_for_next_build move; fi
    drop_modules
    return 0
  fi
  if [[ $HAS_BUILD == true ]]; then keep_for_next_build copy; else drop_layer build_modules; fi
  prune_packages
  forget_installation
  move_to_layer
}

# Node.js reads neither of the variables by which other programs are told of further authorities.
prepare_certificates() {
  if [[ -z ${NODE_EXTRA_CA_CERTS:-} && -n ${SSL_CERT_FILE:-} ]]; then export NODE_EXTRA_CA_CERTS=$SSL_CERT_FILE; fi
}

# All packages when a script or an environment other than production needs those for development.
wants_all() { [[ $HAS_BUILD == true || $HAS_HOOKS == true || $EXEC_ENV != production ]]; }

install_packages() {
  rm -rf "$APP/node_modules"
  if [[ $HAS_BUILD == true && -z $ALWAYS_INSTALL && -d $LAYERS/build_modules/node_modules && $(restored build_modules key) == "$KEY" ]]; then
    say "Reusing cached packages for the build script: lock unchanged"
    restore_for_build
    return 0
  fi
  drop_layer build_modules
  install_with_manager
  mkdir -p "$APP/node_modules"
}

reason_to_install() {
  if [[ -n $ALWAYS_INSTALL ]]; then
    printf '%s' "$ALWAYS_INSTALL"
  elif [[ -z $(restored modules key)$(restored build_modules key) ]]; then
    printf 'no earlier build to reuse'
  else
    printf 'package.json, %s, .npmrc or the version of Node.js or %s has changed' "$LOCK" "$MANAGER"
  fi
}

# run_manager ARGUMENT…: of a failure that is known, file and line, what was expected and found, and the remedy are told.
run_manager() {
  local code=0
  (cd "$APP" && "$MANAGER" "$@") 2>&1 | tee "$SCRATCH/manager.log" || code=$?
  if ((code == 0)); then return 0; fi
  if [[ -n $LOCK ]] && grep -Eq "$OUTDATED" "$SCRATCH/manager.log"; then
    fail "$LOCK does not fit package.json: $(lock_differences)" "run \"$REMEDY\" and commit $LOCK"
  fi
  local meaning
  mapfile -t meaning < <(node "$BUILDPACK_DIR/lib/explain.mjs" "$SCRATCH/manager.log" "$APP" "$LOCK" "$REMEDY")
  if ((${#meaning[@]} == 2)); then fail "${meaning[0]}" "${meaning[1]}"; fi
  fail "$MANAGER $1 failed with exit code $code" "$MANAGER's own message is above; the registry comes from NPM_CONFIG_REGISTRY or .npmrc"
}

# lock_differences: what package.json wants and the lock does not have.
lock_differences() { node "$BUILDPACK_DIR/lib/differences.mjs" "$APP" "$APP/$LOCK" || printf 'see above'; }
