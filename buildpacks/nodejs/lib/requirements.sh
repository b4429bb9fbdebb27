# shellcheck shell=bash
# Where an application says which Node.js and npm it wants. Needs output.sh, jq; BUILDPACK_DIR, SCRATCH.

# The version that a file pins: its first line that is neither empty nor a comment.
pinned_in() {
  [[ -f $1 ]] || return 0
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%%#*}
    line=${line//[[:space:]]/}
    if [[ -n $line ]]; then
      printf '%s' "$line"
      return 0
    fi
  done <"$1"
  fail "$1 is empty" "write a version such as 22 or lts/jod, or remove the file"
}

# Sets NODE_REQUIRED and NPM_REQUIRED, lists of {range, source} as JSON, and NODE_BECAUSE, the first one for people.
read_requirements() {
  local node_version nvmrc source=$SCRATCH/package.json lines
  node_version=$(pinned_in .node-version)
  nvmrc=$(pinned_in .nvmrc)
  if [[ -f package.json ]]; then source=package.json; else printf '{}' >"$source"; fi
  if ! jq -r -f "$BUILDPACK_DIR/lib/requirements.jq" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    --arg override "${BP_NODE_VERSION:-}" --arg node_version "$node_version" --arg nvmrc "$nvmrc" \
    "$source" >"$SCRATCH/requirements" 2>"$SCRATCH/jq.log"; then
    requirements_failed
  fi
  mapfile -t lines <"$SCRATCH/requirements"
  ((${#lines[@]} == 3)) || fail "package.json is empty" 'write at least {} into it'
  NODE_REQUIRED=${lines[0]}
  NODE_BECAUSE=${lines[1]}
  NPM_REQUIRED=${lines[2]}
}

# jq names the file of its own errors as "(at …)"; ours come after it.
requirements_failed() {
  local message
  message=$(tail -n 1 "$SCRATCH/jq.log")
  if [[ $message == *": expected a string"* ]]; then
    fail "${message#*): }" 'write it as "node": "^22", for example'
  fi
  fail "package.json is not valid JSON: ${message#jq: error: }" "correct the file"
}
