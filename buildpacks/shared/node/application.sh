# shellcheck shell=bash
# What there is to install, and the key that tells whether it is what was installed before. npm-install, pnpm-install and
# yarn-install each have this file. Sets APP (the directory of the installation), PROJECT_DIR, LOCK, SCRIPTS, SCRIPTS_DIR,
# HAS_BUILD, HAS_HOOKS, HAS_DEV, HAS_WORKSPACES, ALWAYS_INSTALL (the reason, or nothing), KEY. Needs output.sh, project.sh,
# jq, node; EXEC_ENV, and of the manager's own file MANAGER_FILES (settings that decide what is installed), manager_version.

# Of each package.json by its name: whether it has workspaces, and a script "build".
unset READ_WORKSPACES READ_BUILD
declare -A READ_WORKSPACES=() READ_BUILD=()

# read_manifest FILE: fills what begins with READ_; nothing of a file that is missing or not valid.
read_manifest() {
  local answers declared="" workspaces=false build=false
  [[ -f $1 ]] || return 0
  answers=$(jq -r "$DECLARED_MANAGER"' declared_manager, ([.workspaces?][0] != null),
    (([.scripts?.build? | strings][0] // "") != "")' "$1" 2>/dev/null) || return 0
  { read -r declared && read -r workspaces && read -r build; } <<<"$answers" || true
  READ_MANAGER[$1]=$declared READ_WORKSPACES[$1]=$workspaces READ_BUILD[$1]=$build
}

read_application() {
  local here=$PWD manager file
  find_project
  read_manifest "$ROOT/package.json"
  if [[ $PROJECT != "$ROOT" ]]; then read_manifest "$PROJECT/package.json"; fi
  find_manager
  check_locks
  APP=$here PROJECT_DIR=$here
  if [[ $ROOT != . ]]; then APP=$here/$ROOT; fi
  if [[ $PROJECT != . ]]; then PROJECT_DIR=$here/$PROJECT; fi
  LOCK=""
  while read -r manager file; do
    if [[ -z $LOCK && $manager == "$MANAGER" ]]; then LOCK=$file; fi
  done < <(lock_files "$APP")
  for file in "$ROOT/package.json" "$PROJECT/package.json"; do
    [[ -f $file ]] || fail "there is no ${file#./}, but $LOCK is beside it" "commit package.json, too"
    if [[ -n ${READ_WORKSPACES[$file]+set} ]]; then continue; fi
    jq . "$file" >/dev/null || fail "${file#./} is not valid JSON" "correct the file"
  done
  LOCK_HASH=""
  if [[ -n $LOCK ]]; then LOCK_HASH=$(sha256sum <"$APP/$LOCK" | cut -d ' ' -f 1); fi
  read_manager_settings

  HAS_WORKSPACES=${READ_WORKSPACES[$ROOT/package.json]}
  if [[ -f $APP/pnpm-workspace.yaml ]] && grep -q '^packages:' "$APP/pnpm-workspace.yaml"; then HAS_WORKSPACES=true; fi
  find_scripts
  read_packages_of_workspace
  ALWAYS_INSTALL=$(reason_to_install_always)
  KEY=$(compute_key)
}

# manifests: package.json of the application and of its workspaces, and of what else is below it: too many cost a reuse
# now and then, too few would cost correctness.
manifests() {
  if [[ $HAS_WORKSPACES == true ]]; then
    find "$APP" -mindepth 1 \( -name node_modules -o -name '.*' \) -prune -o -name package.json -type f -print0 | LC_ALL=C sort -z
  else
    printf '%s\0' "$APP/package.json"
  fi
}

# The manager runs these scripts after the installation; they may need the sources and development packages.
read_packages_of_workspace() {
  local answers files
  mapfile -d '' -t files < <(manifests)
  answers=$(jq -s -r '(any(.[]; (.devDependencies? // {}) != {})),
    any(.[]; [.scripts?[("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")]?] | any(. != null)),
    any(.[]; any((.dependencies?, .devDependencies?, .optionalDependencies?) // {} | .[]?; strings | test("^(file:|link:|portal:|[.]|/)")))' "${files[@]}") ||
    fail "a package.json of a workspace is not valid JSON" "correct the file"
  { read -r HAS_DEV && read -r HAS_HOOKS && read -r HAS_LOCAL; } <<<"$answers"
}

# Scripts of the application and local packages leave files outside node_modules, which no layer brings back.
reason_to_install_always() {
  if [[ -z $LOCK ]]; then
    printf 'there is no %s, so versions may differ from build to build' "$LOCK_NAME"
  elif [[ $HAS_HOOKS == true ]]; then
    printf 'package.json has install scripts of its own, which run in every build'
  elif [[ $HAS_LOCAL == true ]]; then
    printf 'package.json has local packages, which are linked in every build'
  else
    always_install_with_manager
  fi
}

# Everything that decides what is installed, and where: links to workspaces have the application's path.
compute_key() {
  {
    printf 'node_modules of tspack/%s-install 2\0%s\0%s\0%s\0%s\0' "$MANAGER" "$(node --version)" "$(manager_version)" "$(uname -m)" "$EXEC_ENV"
    if [[ $HAS_WORKSPACES == true ]]; then printf '%s\0' "$APP"; fi
    local file
    while IFS= read -r -d '' file; do
      printf '%s\0' "${file#"$APP"/}"
      sha256sum <"$file"
    done < <(manifests)
    for file in "$LOCK" "${MANAGER_FILES[@]}"; do
      if [[ -n $file && -f $APP/$file ]]; then
        printf '%s\0' "$file"
        sha256sum <"$APP/$file"
      fi
    done
  } | sha256sum | cut -d ' ' -f 1
}

# Of the lock as the application has it: a manager may write into it later.
lock_hash() { printf '%s' "$LOCK_HASH"; }
