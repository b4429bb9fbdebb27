# shellcheck shell=bash
# The layers of this buildpack. Needs output.sh, application.sh, npm.sh; LAYERS, APP, KEY, BUILDPACK_DIR.

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
}

drop_layer() { rm -rf "${LAYERS:?}/$1" "$LAYERS/$1.toml"; }

# keep_for_next_build copy|move: all packages, with those for development, for the next run of the build script.
keep_for_next_build() {
  drop_layer build_modules
  if [[ -n $ALWAYS_INSTALL ]]; then return 0; fi
  mkdir -p "$LAYERS/build_modules"
  if [[ $1 == move ]]; then
    mv "$APP/node_modules" "$LAYERS/build_modules/node_modules"
  else
    cp -a --reflink=auto "$APP/node_modules" "$LAYERS/build_modules/node_modules"
  fi
  printf '[types]\ncache = true\n\n[metadata]\nkey = "%s"\n' "$KEY" >"$LAYERS/build_modules.toml"
}

# A package finds its neighbours in <layer>/node_modules: the directory keeps its name, and the layer must have another
# one, because Node.js does not search node_modules below node_modules.
move_to_layer() {
  drop_layer modules
  rm -f "$LAYERS"/modules.sbom.*
  mkdir -p "$LAYERS/modules"
  rm -rf "$APP/node_modules/.cache"
  point_links_to_application
  sbom "$APP/node_modules/.package-lock.json"
  mv "$APP/node_modules" "$LAYERS/modules/node_modules"
}

# Workspaces and local packages are relative links out of node_modules, which would point nowhere from the layer.
point_links_to_application() {
  local link target
  while IFS= read -r -d '' link; do
    target=$(readlink -f "$link") || continue
    if [[ $target == "$APP"/* && $target != "$APP"/node_modules/* ]]; then ln -sfn "$target" "$link"; fi
  done < <(find "$APP/node_modules" -type l -print0)
}

# sbom LOCK: the packages in the layer; the file comes back with the layer when that is reused.
sbom() {
  if [[ -f $1 ]]; then node "$BUILDPACK_DIR/lib/sbom.mjs" "$1" "$EXEC_ENV" >"$LAYERS/modules.sbom.cdx.json"; fi
}

# finish_layers new|unchanged
finish_layers() {
  local layer=$LAYERS/modules changed=$BUILD_CHANGED_MODULES
  if [[ $1 == unchanged ]]; then
    # Only the metadata came back: the layer itself stays in the previous image, and what may be here is left out.
    if [[ ! -f $LAYERS/modules.sbom.cdx.json ]]; then sbom "$APP/$LOCK"; fi
  else
    mkdir -p "$layer/env.launch"
    printf '%s' "$layer/node_modules/.bin" >"$layer/env.launch/PATH.prepend"
    printf ':' >"$layer/env.launch/PATH.delim"
  fi
  rm -rf "$APP/node_modules"
  ln -s "$layer/node_modules" "$APP/node_modules"
  printf '[types]\nlaunch = true\n\n[metadata]\nkey = "%s"\nchanged_by_build = "%s"\n' "$KEY" "$changed" >"$LAYERS/modules.toml"
  rm -rf "$LAYERS/npm_cache/_logs" "$LAYERS/npm_cache/_update-notifier-last-checked"
  printf '[types]\ncache = true\n' >"$LAYERS/npm_cache.toml"
  if [[ -n $LOCK ]]; then printf '\n[metadata]\nlock = "%s"\n' "$(lock_hash)" >>"$LAYERS/npm_cache.toml"; fi
}
