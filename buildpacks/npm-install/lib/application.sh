# shellcheck shell=bash
# What there is to install, and the key that tells whether it is what was installed before.
# Sets LOCK, HAS_BUILD, HAS_HOOKS, HAS_DEV, ALWAYS_INSTALL (the reason, or nothing), KEY. Needs output.sh, jq, node, npm; APP and EXEC_ENV.

package_json() { jq -r "$1" "$APP/package.json"; }

read_application() {
  LOCK=""
  local file
  for file in npm-shrinkwrap.json package-lock.json; do
    if [[ -z $LOCK && -f $APP/$file ]]; then LOCK=$file; fi
  done
  package_json . >/dev/null || fail "package.json is not valid JSON" "correct the file"
  if [[ -n $LOCK ]]; then jq . "$APP/$LOCK" >/dev/null || fail "$LOCK is not valid JSON" "make it anew with: npm install --package-lock-only"; fi

  HAS_BUILD=$(package_json '(.scripts?.build? // "") != ""')
  HAS_DEV=$(package_json '(.devDependencies? // {}) != {}')
  # npm runs these scripts of the application after the installation; they may need its sources.
  HAS_HOOKS=$(package_json '[.scripts?[("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")]?] | any(. != null)')
  ALWAYS_INSTALL=$(reason_to_install_always)
  KEY=$(compute_key)
}

# Scripts of the application and local packages leave files outside node_modules, which no layer brings back.
reason_to_install_always() {
  local has_local
  has_local=$(package_json '(.workspaces? != null) or any((.dependencies?, .devDependencies?, .optionalDependencies?) // {} | .[]?; strings | test("^(file:|link:|[.]|/)"))')
  if [[ -z $LOCK ]]; then
    printf 'there is no package-lock.json, so versions may differ from build to build'
  elif [[ $HAS_HOOKS == true ]]; then
    printf 'package.json has install scripts of its own, which run in every build'
  elif [[ $has_local == true ]]; then
    printf 'package.json has workspaces or local packages, which are linked in every build'
  fi
}

# Everything that decides what npm installs.
compute_key() {
  {
    printf 'node_modules of tspack/npm-install 1\0%s\0%s\0%s\0%s\0' "$(node --version)" "$(npm --version)" "$(uname -m)" "$EXEC_ENV"
    local file
    for file in package.json "$LOCK" .npmrc; do
      if [[ -n $file && -f $APP/$file ]]; then sha256sum <"$APP/$file"; fi
    done
  } | sha256sum | cut -d ' ' -f 1
}

lock_hash() { sha256sum <"$APP/$LOCK" | cut -d ' ' -f 1; }
