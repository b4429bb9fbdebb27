# shellcheck shell=bash
# bin/detect of npm-install, pnpm-install and yarn-install, which each have this file. Needs output.sh, project.sh, jq.

# read_work: sets WORK, how many reasons there are to install or to run something, and what READ_MANAGER has of the project.
read_work() {
  local answers declared=""
  if ! answers=$(jq -r "$DECLARED_MANAGER"' declared_manager,
      ([.dependencies?, .devDependencies?, .optionalDependencies?, .workspaces?, .scripts?.build?]
      | map(select(. != null and . != {} and . != [] and . != "")) | length)' "$PROJECT/package.json" 2>/dev/null); then
    fail "package.json is not valid JSON: $(json_error "$PROJECT/package.json")" "correct the file"
  fi
  WORK=""
  { read -r declared && read -r WORK; } <<<"$answers" || true
  READ_MANAGER+=(["$PROJECT/package.json"]="$declared")
}

# detect_manager NAME: passes when the application is that manager's and there is something to install or to run.
detect_manager() {
  local plan=${CNB_BUILD_PLAN_PATH:?CNB_BUILD_PLAN_PATH is not set} locks
  WORK=unread
  need_tools jq
  find_project
  if [[ ! -f $PROJECT/package.json ]]; then
    say "no package.json${BP_NODE_PROJECT_PATH:+ in $PROJECT}"
    exit 100
  fi
  if may_declare_manager "$PROJECT/package.json"; then read_work; fi
  find_manager
  if [[ $MANAGER != "$1" ]]; then
    locks=$(lock_files "$ROOT")
    if [[ -n $DECLARED ]]; then
      say "$DECLARED names $MANAGER as package manager"
    elif [[ -n $locks && $1 == npm ]]; then
      say "${locks#* } belongs to another package manager, and there is no package-lock.json"
    else
      say "nothing says that $1 is the package manager: no lock file of it, and no packageManager in package.json"
    fi
    exit 100
  fi
  if [[ $WORK == unread ]]; then read_work; fi
  if [[ $WORK == 0 && $ROOT == "$PROJECT" && -z ${BP_NODE_RUN_SCRIPTS:-} ]]; then
    say "package.json has no dependencies and no build script"
    exit 100
  fi
  cat >"$plan" <<PLAN
[[provides]]
name = "node_modules"

[[requires]]
name = "node_modules"

[[requires]]
name = "node"

[requires.metadata]
build = true

[[requires]]
name = "$1"

[requires.metadata]
build = true
PLAN
}
