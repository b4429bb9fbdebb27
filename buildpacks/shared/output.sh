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
    command -v "$tool" >/dev/null || fail "$tool is missing in the build image" "use a build image that has it, for example the default builder's"
  done
}

# URLs are shown without user and password.
redact() { sed -E 's#(://)[^/@[:space:]]*@#\1#g'; }
