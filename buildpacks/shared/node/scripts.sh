# shellcheck shell=bash
# The application's build scripts. npm-install, pnpm-install and yarn-install each have this file. Needs output.sh,
# application.sh (read_manifest) and the manager's own file; LAYERS, SCRATCH.

# find_scripts: which ones run, and where: those that BP_NODE_RUN_SCRIPTS names, with commas in between (none when it is
# empty), else "build", of the project's package.json, or of its workspace's when that has one and the project has not.
find_scripts() {
  local name known
  SCRIPTS=() SCRIPTS_DIR=$PROJECT_DIR HAS_BUILD=false
  if [[ -n ${BP_NODE_RUN_SCRIPTS+set} ]]; then
    IFS=, read -r -a SCRIPTS <<<"${BP_NODE_RUN_SCRIPTS//[[:space:]]/}"
    for name in "${SCRIPTS[@]}"; do
      if ! has_script "$PROJECT_DIR" "$name"; then
        known=$(jq -r '.scripts? // {} | keys | join(", ")' "$PROJECT_DIR/package.json")
        fail "BP_NODE_RUN_SCRIPTS names the script \"$name\", which package.json has not" "its scripts: ${known:-none}"
      fi
    done
  elif [[ ${READ_BUILD[$PROJECT/package.json]} == true ]]; then
    SCRIPTS=(build)
  elif [[ ${READ_BUILD[$ROOT/package.json]} == true ]]; then
    SCRIPTS=(build) SCRIPTS_DIR=$APP
  fi
  if ((${#SCRIPTS[@]} > 0)); then HAS_BUILD=true; fi
}

has_script() { jq -e --arg name "$2" '(.scripts?[$name]? // "") | strings | . != ""' "$1/package.json" >/dev/null; }

# Build tools expect a real node_modules beside the sources, so it becomes a link only afterwards.
run_build_scripts() {
  local name code=0
  BUILD_CHANGED_MODULES=false
  if [[ $HAS_BUILD == false ]]; then return 0; fi
  restore_build_caches
  touch "$SCRATCH/before"
  for name in "${SCRIPTS[@]}"; do
    say "$MANAGER run $name: $(jq -r --arg name "$name" '.scripts[$name]' "$SCRIPTS_DIR/package.json")"
    (
      cd "$SCRIPTS_DIR"
      export NODE_ENV=${NODE_ENV:-$EXEC_ENV} NEXT_TELEMETRY_DISABLED=1
      run_script "$name"
    ) 2>&1 | tee "$SCRATCH/script.log" || code=$?
    if ((code != 0)); then fail_script "$name" "$code"; fi
  done
  keep_build_caches
  if [[ -n $(find_changed_modules) ]]; then BUILD_CHANGED_MODULES=true; fi
}

# fail_script NAME CODE: frameworks that do not know this Node.js say so themselves, in much the same words.
fail_script() {
  local hint="its own output is above; try: $MANAGER install && $MANAGER run $1" place="package.json"
  local wants_node='node(\.js)?( version)? .*(is required|or (higher|newer|later))|(requires|needs|unsupported) node'
  place+=:$(grep -n -m 1 -F "\"$1\":" "$SCRIPTS_DIR/package.json" | cut -d : -f 1 || true)
  if grep -Eiq "$wants_node" "$SCRATCH/script.log"; then
    hint="it wants another Node.js than $(node --version), see above: ask for that in engines.node of package.json or by BP_NODE_VERSION"
  fi
  fail "${place%:}: the $1 script of package.json failed with exit code $2" "$hint"
}

# What build tools keep for the next time and nobody needs at launch. One layer has them all.
BUILD_CACHES=(.next/cache node_modules/.cache node_modules/.tmp node_modules/.vite)

restore_build_caches() {
  local name
  for name in "${BUILD_CACHES[@]}"; do
    if [[ -d $LAYERS/build_cache/$name && ! -e $PROJECT_DIR/$name ]]; then
      mkdir -p "$PROJECT_DIR/${name%/*}"
      mv "$LAYERS/build_cache/$name" "$PROJECT_DIR/$name"
      say "Reusing $name of the last build"
    fi
  done
}

keep_build_caches() {
  local name
  drop_layer build_cache
  for name in "${BUILD_CACHES[@]}"; do
    if [[ -d $PROJECT_DIR/$name && ! -L $PROJECT_DIR/$name ]]; then
      mkdir -p "$LAYERS/build_cache/${name%/*}"
      mv "$PROJECT_DIR/$name" "$LAYERS/build_cache/$name"
      printf '[types]\ncache = true\n' >"$LAYERS/build_cache.toml"
    fi
  done
}

# find_standalone: the server that Next.js makes with "output": "standalone"; it has the packages that it needs beside it.
find_standalone() {
  if [[ ! -d $PROJECT_DIR/.next/standalone ]]; then return 0; fi
  find "$PROJECT_DIR/.next/standalone" -name node_modules -prune -o -name server.js -type f -print -quit
}
