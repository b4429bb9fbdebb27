# shellcheck shell=bash
# Where an application says which Node.js and which package manager it wants. Needs output.sh, project.sh, jq;
# BUILDPACK_DIR, SCRATCH, PROJECT, ROOT, NODE_KEPT.

# The version that a file pins: its first line that is neither empty nor a comment.
pinned_in() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%%#*}
    line=${line//[[:space:]]/}
    if [[ -n $line ]]; then
      printf '%s' "$line"
      return 0
    fi
  done <"$1"
  fail "${1#./} is empty" "write a version such as 22 or lts/jod, or remove the file"
}

# version_pins: {range, source} of each version file, a line each. Those beside the project's package.json come before
# those of its workspace.
version_pins() {
  local name directory pin
  for name in .node-version .nvmrc; do
    for directory in "$PROJECT" "$ROOT" .; do
      if [[ ! -f $directory/$name ]]; then continue; fi
      directory=${directory#.}
      directory=${directory:+$directory/}
      pin=$(pinned_in "$directory$name")
      jq -n -c --arg range "$pin" --arg source "$directory$name" '{range: $range, source: $source}'
      break
    done
  done
}

# Sets NODE_REQUIRED, a list of {range, source} as JSON, NODE_BECAUSE, the same for people, MANAGERS_REQUIRED, such lists by
# package manager, and KEPT_FITS, whether NODE_KEPT still satisfies. One call of jq, which is slow to start.
read_requirements() {
  local lines project=$PROJECT/package.json root=$ROOT/package.json
  project=${project#./} root=${root#./}
  if [[ $root == "$project" || ! -f $root ]]; then root=""; fi
  if [[ ! -f $project ]]; then project=""; fi
  version_pins >"$SCRATCH/pins"
  if ! jq -n -r -L "$BUILDPACK_DIR/lib" -f "$BUILDPACK_DIR/lib/requirements.jq" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    --slurpfile pins "$SCRATCH/pins" --arg override "${BP_NODE_VERSION:-}" --arg kept "$NODE_KEPT" \
    --arg project_file "$project" --slurpfile project "${project:-/dev/null}" \
    --arg root_file "$root" --slurpfile root "${root:-/dev/null}" >"$SCRATCH/requirements" 2>"$SCRATCH/jq.log"; then
    check_package_file "$project"
    check_package_file "$root"
    requirements_failed
  fi
  mapfile -t lines <"$SCRATCH/requirements"
  NODE_REQUIRED=${lines[0]}
  NODE_BECAUSE=${lines[1]}
  KEPT_FITS=${lines[2]}
  declare -gA MANAGERS_REQUIRED=([npm]=${lines[3]} [pnpm]=${lines[4]} [yarn]=${lines[5]})
}

# check_package_file FILE: says what is wrong with a package.json that cannot be read; nothing without a name.
check_package_file() {
  if [[ -z $1 ]]; then return 0; fi
  if ! jq -c . "$1" >"$SCRATCH/one.json" 2>"$SCRATCH/one.log"; then
    fail "$1 is not valid JSON: $(tail -n 1 "$SCRATCH/one.log" | sed 's/^jq: error[^:]*: //')" "correct the file"
  fi
  [[ -s $SCRATCH/one.json ]] || fail "$1 is empty" 'write at least {} into it'
}

# jq names the file of its own errors as "(at …)"; ours come after it.
requirements_failed() {
  local message
  message=$(tail -n 1 "$SCRATCH/jq.log")
  fail "${message#*): }" 'write it as "node": "^22", for example'
}
