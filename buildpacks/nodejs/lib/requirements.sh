# shellcheck shell=bash
# Where an application says which Node.js and npm it wants. Needs output.sh and jq.

# package_field FILTER WHAT: a string of package.json, nothing when it is absent.
package_field() {
  local value
  [[ -f package.json ]] || return 0
  value=$(jq -c "$1" package.json 2>"$SCRATCH/jq.log") || fail "package.json is not valid JSON: $(tail -n 1 "$SCRATCH/jq.log")" "correct the file"
  case $value in
    null | "") ;;
    \"*) jq -r . <<<"$value" ;;
    *) fail "$2 in package.json: expected a string, found $value" 'write it as "node": "^22", for example' ;;
  esac
}

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

requirement() { jq -n -c --arg range "$1" --arg source "$2" '{range: $range, source: $source}'; }

# One JSON object per line; nothing when the application does not care.
node_requirements() {
  local range file
  if [[ -n ${BP_NODE_VERSION:-} ]]; then
    requirement "$BP_NODE_VERSION" "BP_NODE_VERSION"
    return 0
  fi
  for file in .node-version .nvmrc; do
    range=$(pinned_in "$file")
    if [[ -n $range ]]; then requirement "$range" "$file"; fi
  done
  range=$(package_field '.engines.node?' engines.node)
  if [[ -n $range ]]; then requirement "$range" "engines.node in package.json"; fi
}

npm_requirements() {
  local range
  range=$(package_field '.packageManager?' packageManager)
  if [[ $range == npm@* ]]; then
    range=${range#npm@}
    requirement "${range%%+*}" "packageManager in package.json"
  fi
  range=$(package_field '.engines.npm?' engines.npm)
  if [[ -n $range ]]; then requirement "$range" "engines.npm in package.json"; fi
}
