# shellcheck shell=bash
# The layers. npm-install, pnpm-install and yarn-install each have this file. Needs output.sh, application.sh and the
# manager's own file; LAYERS, APP, KEY, BUILDPACK_DIR.

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  local line pattern="^[[:space:]]*$2[[:space:]]*=[[:space:]]*[\"']([^\"']*)[\"']"
  [[ -f $LAYERS/$1.toml ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ $pattern ]]; then
      printf '%s' "${BASH_REMATCH[1]}"
      return 0
    fi
  done <"$LAYERS/$1.toml"
}

drop_layer() { rm -rf "${LAYERS:?}/$1" "$LAYERS/$1.toml" "$LAYERS/$1".sbom.*; }

# module_directories: node_modules of the application and of each workspace, from APP, a line each. Layers mirror these
# places, so that relative links from one to another stay right and packages find their neighbours as before.
module_directories() {
  local file
  while IFS= read -r -d '' file; do
    file=${file%package.json}node_modules
    if [[ -d $file ]]; then printf '%s\n' "${file#"$APP"/}"; fi
  done < <(manifests)
}

# find_changed_modules: what a build script has written into packages; a manager's own notes do not count.
find_changed_modules() {
  local directory
  while IFS= read -r directory; do
    find "$APP/$directory" \( -path "$APP/$directory/.modules.yaml" -o -path "$APP/$directory/.pnpm-*" -o -path "$APP/$directory/.yarn-*" \) \
      -prune -o -newer "$SCRATCH/before" ! -type d -print -quit
  done < <(module_directories)
}

# take_modules move|copy LAYER: all node_modules directories into a layer.
take_modules() {
  local directory target
  while IFS= read -r directory; do
    target=$LAYERS/$2/$directory
    mkdir -p "${target%/*}"
    if [[ $1 == move ]]; then mv "$APP/$directory" "$target"; else cp -a --reflink=auto "$APP/$directory" "$target"; fi
  done < <(module_directories)
}

# keep_for_next_build copy|move: all packages, with those for development, for the next run of the build script.
keep_for_next_build() {
  drop_layer build_modules
  if [[ -n $ALWAYS_INSTALL ]]; then return 0; fi
  mkdir -p "$LAYERS/build_modules"
  take_modules "$1" build_modules
  printf '[types]\ncache = true\n\n[metadata]\nkey = "%s"\n' "$KEY" >"$LAYERS/build_modules.toml"
}

restore_for_build() {
  local directory
  while IFS= read -r directory; do
    mkdir -p "$APP/${directory%node_modules}"
    mv "$LAYERS/build_modules/$directory" "$APP/$directory"
  done < <(cd "$LAYERS/build_modules" && find . -name node_modules -prune -print | sed 's#^\./##')
}

# A package finds its neighbours in <layer>/node_modules: the directory keeps its name, and the layer must have another
# one, because Node.js does not search node_modules below node_modules.
move_to_layer() {
  drop_layer modules
  mkdir -p "$LAYERS/modules"
  point_links_to_application
  write_sboms modules
  DIRECTORIES=$(module_directories)
  take_modules move modules
}

drop_modules() {
  drop_layer modules
  local directory
  while IFS= read -r directory; do rm -rf "${APP:?}/$directory"; done < <(module_directories)
  DIRECTORIES=""
}

# Workspaces and local packages are relative links out of node_modules, which would point nowhere from the layer.
point_links_to_application() {
  local directory link target
  while IFS= read -r directory; do
    while IFS= read -r -d '' link; do
      target=$(readlink -f "$link") || continue
      if [[ $target == "$APP"/* && /${target#"$APP"/} != */node_modules/* ]]; then ln -sfn "$target" "$link"; fi
    done < <(find "$APP/$directory" -type l -print0)
  done < <(module_directories)
}

# write_sboms modules|launch: the packages in the layer, or in the application, from the lock. Those of a layer come back
# with it when it is reused.
write_sboms() {
  local lock
  lock=$(sbom_source)
  if [[ -z $lock ]]; then return 0; fi
  node "$BUILDPACK_DIR/lib/sbom.mjs" "$lock" "$EXEC_ENV" "$APP" cyclonedx >"$LAYERS/$1.sbom.cdx.json"
  node "$BUILDPACK_DIR/lib/sbom.mjs" "$lock" "$EXEC_ENV" "$APP" spdx >"$LAYERS/$1.sbom.spdx.json"
}

# finish_layers new|unchanged: node_modules in the application become links into the layer.
finish_layers() {
  local layer=$LAYERS/modules directory
  if [[ $1 == unchanged ]]; then
    # Only the metadata came back: the layer itself stays in the previous image, and what may be here is left out.
    DIRECTORIES=$(restored modules directories | tr : '\n')
    BUILD_CHANGED_MODULES=$(restored modules changed_by_build)
    if [[ ! -f $LAYERS/modules.sbom.cdx.json || ! -f $LAYERS/modules.sbom.spdx.json ]]; then write_sboms modules; fi
  fi
  if [[ -n $DIRECTORIES ]]; then
    if [[ $1 == new ]]; then write_search_path "$layer"; fi
    while IFS= read -r directory; do
      mkdir -p "$APP/${directory%node_modules}"
      rm -rf "${APP:?}/$directory"
      ln -s "$layer/$directory" "$APP/$directory"
    done <<<"$DIRECTORIES"
    printf '[types]\nlaunch = true\n\n[metadata]\nkey = "%s"\nchanged_by_build = "%s"\ndirectories = "%s"\n' \
      "$KEY" "$BUILD_CHANGED_MODULES" "${DIRECTORIES//$'\n'/:}" >"$LAYERS/modules.toml"
  fi
  finish_manager_cache
}

write_search_path() {
  local path=$1/node_modules/.bin own=${PROJECT_DIR#"$APP"}
  if [[ -n $own && -d $1$own/node_modules/.bin ]]; then path=$1$own/node_modules/.bin:$path; fi
  mkdir -p "$1/env.launch"
  printf '%s' "$path" >"$1/env.launch/PATH.prepend"
  printf ':' >"$1/env.launch/PATH.delim"
}
