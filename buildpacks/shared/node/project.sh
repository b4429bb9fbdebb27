# shellcheck shell=bash
# Where the application's package.json and its lock file are, and whose lock file that is. The same file is in every
# buildpack for Node.js, because each is complete in itself. Needs output.sh, jq; the working directory is the application.

# find_project: sets PROJECT, the directory of the application's package.json, and ROOT, where its packages are
# installed: a workspace has its lock file further up. Both are "." or a path without "./".
find_project() {
  local directory here real
  PROJECT=${BP_NODE_PROJECT_PATH:-.}
  PROJECT=${PROJECT#./}
  PROJECT=${PROJECT%/}
  PROJECT=${PROJECT:-.}
  [[ -d $PROJECT && $PROJECT != /* ]] || fail "BP_NODE_PROJECT_PATH: there is no directory \"$PROJECT\" in the application" "give a path from the application's directory, such as packages/web"
  ROOT=$PROJECT
  if [[ $PROJECT == . ]]; then return 0; fi
  here=$(realpath .)
  real=$(realpath "$PROJECT")
  [[ $real == "$here" || $real == "$here"/* ]] || fail "BP_NODE_PROJECT_PATH: \"$PROJECT\" leads out of the application" "give a path from the application's directory, such as packages/web"

  directory=$PROJECT
  while true; do
    if is_install_root "$directory"; then
      ROOT=$directory
      return 0
    fi
    if [[ $directory == . ]]; then return 0; fi
    if [[ $directory == */* ]]; then directory=${directory%/*}; else directory=.; fi
  done
}

is_install_root() {
  local locks
  locks=$(lock_files "$1")
  [[ -n $locks || -f $1/pnpm-workspace.yaml ]] && return 0
  [[ -f $1/package.json ]] && jq -e '.workspaces? != null' "$1/package.json" >/dev/null 2>&1
}

# lock_files DIRECTORY: "manager file" of each lock file there, a line each.
lock_files() {
  local pair
  for pair in npm:npm-shrinkwrap.json npm:package-lock.json pnpm:pnpm-lock.yaml yarn:yarn.lock bun:bun.lock bun:bun.lockb; do
    if [[ -f $1/${pair#*:} ]]; then printf '%s %s\n' "${pair%%:*}" "${pair#*:}"; fi
  done
}

# jq takes some 20 ms to start, which is most of what it takes: what several places want to know of a package.json is read
# at once, and kept in variables that begin with READ_. READ_MANAGER has the declared managers by file.
unset READ_MANAGER READ_MAIN # None comes from the environment.
declare -A READ_MANAGER=()

# json_error FILE: what jq has against it.
json_error() { jq . "$1" 2>&1 >/dev/null | tail -n 1; }

# What "packageManager" or "devEngines" of a package.json name, without a version.
DECLARED_MANAGER='def declared_manager: def text: if type == "string" then . else empty end;
  [(.packageManager? | text | split("@")[0]),
   ((.devEngines? | objects | .packageManager? | if type == "array" then .[] else . end | objects | .name | text))]
  | first // "";'

# may_declare_manager FILE: without that word no field can be called so, unless a letter of it is escaped.
may_declare_manager() {
  local text
  { text=$(<"$1"); } 2>/dev/null
  [[ $text == *packageManager* || $text == *\\u* ]]
}

# declared_manager FILE: the manager that a package.json declares, or nothing.
declared_manager() {
  if [[ -n ${READ_MANAGER[$1]+set} ]]; then
    printf '%s' "${READ_MANAGER[$1]}"
  elif [[ -f $1 ]] && may_declare_manager "$1"; then
    jq -r "$DECLARED_MANAGER declared_manager" "$1" 2>/dev/null || true
  fi
}

# find_manager: sets MANAGER (npm, pnpm, yarn, bun …) and DECLARED, the file that names it, or nothing. Without a
# declaration the lock file decides; check_locks refuses several of them.
find_manager() {
  local directory locks directories=("$ROOT")
  DECLARED="" MANAGER=""
  if [[ $PROJECT != "$ROOT" ]]; then directories+=("$PROJECT"); fi
  for directory in "${directories[@]}"; do
    if [[ -z $MANAGER ]]; then
      MANAGER=$(declared_manager "$directory/package.json")
      if [[ -n $MANAGER ]]; then DECLARED=$directory/package.json DECLARED=${DECLARED#./}; fi
    fi
  done
  if [[ -n $MANAGER ]]; then return 0; fi
  locks=$(lock_files "$ROOT")
  MANAGER=${locks%% *}
  if [[ -z $MANAGER && -f $ROOT/pnpm-workspace.yaml ]]; then MANAGER=pnpm; fi
  if [[ -z $MANAGER && -f $ROOT/.yarnrc.yml ]]; then MANAGER=yarn; fi
  MANAGER=${MANAGER:-npm}
}

# check_locks: one manager, one lock file.
check_locks() {
  local manager file own="" others=()
  while read -r manager file; do
    if [[ $manager == "$MANAGER" ]]; then own=$file; elif [[ -n $file ]]; then others+=("$file"); fi
  done < <(lock_files "$ROOT")
  if ((${#others[@]} == 0)); then return 0; fi
  if [[ -z $DECLARED ]]; then
    fail "there are lock files of several package managers: $own, ${others[*]}" "remove what is not used, or name the manager in package.json, for example \"packageManager\": \"$MANAGER@<version>\""
  elif [[ -z $own ]]; then
    fail "$DECLARED names $MANAGER as package manager, but the lock file is ${others[*]}" "make a lock file with $MANAGER install and remove ${others[*]}, or correct \"packageManager\""
  fi
  say "${others[*]}: not used, because $DECLARED names $MANAGER as package manager"
}

# main_file: what "node ." would run in PROJECT, as Node.js resolves main; nothing when there is no such file. READ_MAIN is
# main, where that was read before.
main_file() {
  local main file
  main=${READ_MAIN-$(jq -r '(.main? // "") | strings' "$PROJECT/package.json" 2>/dev/null || true)}
  for file in ${main:+"$main" "$main.js" "$main/index.js"} server.js index.js; do
    if [[ -f $PROJECT/$file ]]; then
      printf '%s' "$file"
      return 0
    fi
  done
}

# is_static: is the result of the build script all that there is to serve? Then neither Node.js nor packages are needed
# at launch: a web server of another buildpack has the files.
is_static() {
  [[ -f $PROJECT/package.json && ! -f Procfile ]] || return 1
  [[ ${CNB_EXEC_ENV:-production} == production ]] || return 1
  is_served || return 1
  jq -e '(.scripts?.start? // "") == ""' "$PROJECT/package.json" >/dev/null 2>&1 || return 1
  [[ -z $(main_file) ]]
}

# is_served: does anything ask for a web server for what the build makes?
is_served() {
  if [[ -n ${BP_WEB_SERVER:-}${BP_WEB_SERVER_ROOT:-} ]]; then return 0; fi
  if [[ -f project.toml ]] && grep -Eq '^[[:space:]]*\[[[:space:]]*io\.tspack\.static' project.toml; then return 0; fi
  compgen -G "$PROJECT/vite.config.*" >/dev/null
}
