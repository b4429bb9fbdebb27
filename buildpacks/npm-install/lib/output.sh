# shellcheck shell=bash
# What the buildpack says: decisions on standard output, errors on standard error.

say() { printf '%s\n' "$*"; }

# fail MESSAGE [HINT]: ends the build.
fail() {
  printf 'ERROR: %s\n' "$1" >&2
  if [[ -n ${2:-} ]]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 1
}

need_tools() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$tool is missing in the build image" "the build image or an earlier buildpack has to bring it; the default builder does"
  done
}
