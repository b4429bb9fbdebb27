# shellcheck shell=bash
# Toolchains are modules of the module proxy. Any Go fetches them as modules: from GOPROXY or its own default, and
# checked against the checksum database as GOSUMDB, GONOSUMDB and GOPRIVATE say. So that is what this leaves to Go.
# Needs output.sh, version.sh; LAYERS, SCRATCH, ARCH, PLAN and what read_request sets.
MODULE=golang.org/toolchain

go_arch() {
  local machine=${CNB_TARGET_ARCH:-$(uname -m)}
  case $machine in
    amd64 | x86_64) printf amd64 ;;
    arm64 | aarch64) printf arm64 ;;
    *) fail "there is no Go for the architecture $machine" "build for amd64 or arm64" ;;
  esac
}

# Sets BOOTSTRAP, the Go that is there, and its root when it does not find that itself because it was moved.
find_bootstrap() {
  BOOTSTRAP=$(command -v go) ||
    fail "no Go is there to fetch and check the toolchain with" "put tspack/deb-packages before this buildpack, or use a build image with Go"
  local root
  root=$(plain_go env GOROOT 2>/dev/null) || root=""
  if [[ ! -d $root/src ]]; then
    root=$(readlink -f "$BOOTSTRAP")
    export GOROOT=${root%/bin/go}
  fi
}

# Go without what the application or a user's own settings would change, and with a cache that is gone afterwards.
plain_go() {
  (
    cd "$SCRATCH"
    env GOPATH="$SCRATCH/gopath" GOMODCACHE="$SCRATCH/modules" GOCACHE="$SCRATCH/cache" GO111MODULE=on GOWORK=off \
      GOFLAGS=-modcacherw GOTOOLCHAIN=local "$BOOTSTRAP" "$@"
  )
}

# offered: the versions for this architecture, oldest first.
offered() {
  plain_go list -m -versions "$MODULE" >"$SCRATCH/versions" 2>"$SCRATCH/go.log" || proxy_failed "could not ask which versions of Go there are"
  tr ' ' '\n' <"$SCRATCH/versions" | sed -n -E "s/^v0\.0\.1-go([0-9]+\.[0-9]+((\.|rc|beta)[0-9]+)?)\.linux-$ARCH$/\1/p" |
    while IFS= read -r version; do
      rank "$version"
      printf '%s %s\n' "$RANK" "$version"
    done | sort -n | cut -d ' ' -f 2
}

# Lists of proxies are not complete, and not every proxy has any: a complete version is tried, named there or not.
choose_version() {
  local exact=${CONSTRAINT:-$MINIMUM}
  offered >"$SCRATCH/offered"
  pick <"$SCRATCH/offered"
  if [[ -n $VERSION ]]; then return 0; fi
  if [[ $exact =~ ^[0-9]+\.[0-9]+(\.|rc|beta)[0-9]+$ ]] && { [[ -z $MINIMUM ]] || at_least "$exact" "$MINIMUM"; }; then
    VERSION=$exact
  elif [[ -s $SCRATCH/offered ]]; then
    no_version
  else
    fail "the module proxy does not say which versions of Go there are" "set BP_GO_VERSION to a complete version such as 1.24.1, or another GOPROXY"
  fi
}

no_version() {
  local newest nearest
  newest=$(tail -n 1 "$SCRATCH/offered")
  if [[ $CONSTRAINT =~ ^[0-9]+\.[0-9]+(\.|rc|beta)[0-9]+$ && -n $MINIMUM ]] && ! at_least "$CONSTRAINT" "$MINIMUM"; then
    fail "$BECAUSE contradicts $SOURCE: that needs Go $MINIMUM or newer" "ask for $MINIMUM or newer; the newest is $newest"
  fi
  if [[ -z $CONSTRAINT ]]; then
    fail "no Go satisfies $SOURCE: the newest that the module proxy has is $newest" "correct the line, for example to: go ${newest%.*}; or set GOPROXY to a proxy that has it"
  fi
  line_of "${VERSION:-${CONSTRAINT#[>^~]}.0}"
  nearest=$(grep -E "^${LINE//./\\.}\.[0-9]+$" "$SCRATCH/offered" | tail -n 1) || nearest=""
  fail "no Go satisfies $BECAUSE${SOURCE:+ and $SOURCE}: the newest that the module proxy has is ${nearest:+$nearest of its line, and }$newest" \
    "correct the version, or set GOPROXY to a proxy that has it"
}

# Fetches VERSION and sets SUM, the hash that the module has in the checksum database.
fetch_toolchain() {
  local module=$MODULE@v0.0.1-go$VERSION.linux-$ARCH directory verified="checksum database verified"
  plain_go mod download -json "$module" >"$SCRATCH/download.json" 2>"$SCRATCH/go.log" || download_failed "$module"
  directory=$(field Dir) SUM=$(field Sum)
  [[ -x $directory && -n $SUM ]] || fail "Go gives no directory and no sum for $module" "try again with another version of Go in the build image"
  if [[ $(plain_go env GOSUMDB) == off || -n $(plain_go env GONOSUMDB) ]]; then
    verified="$SUM, not verified where GOSUMDB, GONOSUMDB or GOPRIVATE say so"
  fi
  say "Fetched Go $VERSION: $(($(stat -c %s "$(field Zip)") / 1000000)) MB, $verified"
  prepare_toolchain "$directory"
  rm -rf "$LAYERS/go"
  mv "$directory" "$LAYERS/go"
}

field() { sed -n -E "s/^[[:space:]]*\"$1\": \"(.*)\",?$/\1/p" "$SCRATCH/download.json"; }

# Archives of modules have neither modes nor any further go.mod, so these come with another name.
prepare_toolchain() {
  local file
  find "$1/bin" "$1/pkg/tool" -type f -exec chmod 0755 {} +
  while IFS= read -r file; do mv "$file" "${file%/_go.mod}/go.mod"; done < <(find "$1" -name _go.mod)
  # Tests of the standard library are a third of its files.
  find "$1/src" -depth \( -name testdata -type d -o -name '*_test.go' -type f \) -exec rm -rf {} +
  env GOROOT="$1" "$1/bin/go" version >/dev/null 2>"$SCRATCH/go.log" ||
    fail "Go $VERSION does not run in this build image: $(tail -n 1 "$SCRATCH/go.log")" "choose another version"
}

# download -json puts its errors into the answer.
download_failed() {
  local message
  message=$(field Error)
  printf '%s\n' "${message:-$(<"$SCRATCH/go.log")}" | sed 's/\\n/\n/g; s/\\t/ /g' >"$SCRATCH/message"
  mv "$SCRATCH/message" "$SCRATCH/go.log"
  if grep -q 'SECURITY ERROR\|checksum mismatch' "$SCRATCH/go.log"; then
    redact <"$SCRATCH/go.log" >&2
    fail "$1 is not what the checksum database says it is" "nothing was installed; the proxy of GOPROXY or the way to it changed the archive"
  fi
  if grep -qiE '404|410|not (found|available)|unknown revision' "$SCRATCH/go.log" && [[ -s $SCRATCH/offered ]]; then no_version; fi
  proxy_failed "could not fetch $1"
}

proxy_failed() {
  fail "$1: $(grep -v '^$' "$SCRATCH/go.log" | tail -n 2 | paste -sd ' ' | redact)" \
    "check that the build may use the network, GOPROXY (now: $(plain_go env GOPROXY | redact)), GOSUMDB and the certificates (SSL_CERT_FILE)"
}

# BP_GO_VERSION=stack: the Go that is there, as it is.
use_go_of_stack() {
  find_bootstrap
  VERSION=$(plain_go env GOVERSION)
  VERSION=${VERSION#go}
  if [[ -n $MINIMUM ]] && ! at_least "$VERSION" "$MINIMUM"; then
    fail "the Go of the build image is $VERSION, but the application needs at least $MINIMUM ($SOURCE)" "set BP_GO_VERSION to $MINIMUM or leave it away"
  fi
  say "Go $VERSION: the one of the build image (BP_GO_VERSION)"
  rm -rf "$LAYERS/go" "$LAYERS/go.toml" "$LAYERS"/go.sbom.*
}
