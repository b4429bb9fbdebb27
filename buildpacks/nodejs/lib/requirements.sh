# shellcheck shell=bash
# Where an application says which Node.js and which package manager it wants. Needs output.sh, project.sh, jq;
# BUILDPACK_DIR, SCRATCH, PROJECT, ROOT.

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

# package_files: {file, json} of the project's package.json and of its workspace's.
package_files() {
  local file files=("$PROJECT/package.json")
  if [[ $ROOT != "$PROJECT" ]]; then files+=("$ROOT/package.json"); fi
  for file in "${files[@]}"; do
    if [[ ! -f $file ]]; then continue; fi
    file=${file#./}
    if ! jq -c --arg file "$file" '{file: $file, json: .}' "$file" >"$SCRATCH/one.json" 2>"$SCRATCH/jq.log"; then
      fail "$file is not valid JSON: $(tail -n 1 "$SCRATCH/jq.log" | sed 's/^jq: error[^:]*: //')" "correct the file"
    fi
    [[ -s $SCRATCH/one.json ]] || fail "$file is empty" 'write at least {} into it'
    cat "$SCRATCH/one.json"
  done
}

# Sets NODE_REQUIRED, a list of {range, source} as JSON, NODE_BECAUSE, the same for people, and MANAGERS_REQUIRED, an
# object of such lists by package manager.
read_requirements() {
  local lines
  version_pins >"$SCRATCH/pins"
  package_files >"$SCRATCH/all.json"
  if ! jq -s -r -f "$BUILDPACK_DIR/lib/requirements.jq" --slurpfile releases "$BUILDPACK_DIR/lib/releases.json" \
    --slurpfile pins "$SCRATCH/pins" --arg override "${BP_NODE_VERSION:-}" "$SCRATCH/all.json" \
    >"$SCRATCH/requirements" 2>"$SCRATCH/jq.log"; then
    requirements_failed
  fi
  mapfile -t lines <"$SCRATCH/requirements"
  NODE_REQUIRED=${lines[0]}
  NODE_BECAUSE=${lines[1]}
  MANAGERS_REQUIRED=${lines[2]}
}

# jq names the file of its own errors as "(at …)"; ours come after it.
requirements_failed() {
  local message
  message=$(tail -n 1 "$SCRATCH/jq.log")
  fail "${message#*): }" 'write it as "node": "^22", for example'
}

# required_of MANAGER: its list in MANAGERS_REQUIRED.
required_of() { jq -c --arg name "$1" '.[$name]' <<<"$MANAGERS_REQUIRED"; }
