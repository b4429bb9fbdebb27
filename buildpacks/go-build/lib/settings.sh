# shellcheck shell=bash
# How to compile: Go's own variables and those of this buildpack. Needs output.sh; LAYERS, SCRATCH, EXEC_ENV.

prepare_go() {
  export GOPATH=$SCRATCH/gopath GOMODCACHE=$LAYERS/modules GOCACHE=$LAYERS/cache GOBIN=$LAYERS/targets/bin
  export GO111MODULE=on GOTOOLCHAIN=local CGO_ENABLED=${CGO_ENABLED:-0}
  # Without the permission to write, nobody could clear the layer.
  export GOFLAGS="${GOFLAGS:-} -modcacherw"
  mkdir -p "$GOMODCACHE" "$GOCACHE"
  find_credentials
  GO_VERSION=$(go env GOVERSION 2>"$SCRATCH/go.log") || go_failed "go does not start"
  check_directives
}

# Credentials of private modules and proxies: a service binding of type netrc. Go reads the file that NETRC names, and Git,
# which fetches what GOPRIVATE names, the one in HOME.
find_credentials() {
  local binding file
  for binding in "${SERVICE_BINDING_ROOT:-${CNB_PLATFORM_DIR:-/platform}/bindings}"/*/; do
    if [[ ! -r $binding/type || $(<"$binding/type") != netrc ]]; then continue; fi
    file=$binding.netrc
    if [[ ! -r $file ]]; then file=${binding}netrc; fi
    [[ -r $file ]] || fail "the binding ${binding%/} of type netrc has no file .netrc" "write lines such as: machine git.example.com login NAME password TOKEN"
    mkdir -p "$SCRATCH/home"
    (umask 077 && cat "$file" >"$SCRATCH/home/.netrc")
    export HOME=$SCRATCH/home NETRC=$SCRATCH/home/.netrc
    say "Credentials for modules: those of the binding ${binding%/}"
    return 0
  done
}

# Go says itself when it is too old, but not what to do here.
check_directives() {
  if [[ -f vendor/modules.txt ]]; then say "Modules are vendored"; fi
  if [[ ! -f go.sum && ! -f go.work && ! -d vendor ]] && grep -Eq '^[[:space:]]*require[[:space:](]' go.mod; then
    fail "go.mod requires modules, but there is no go.sum" "make it with: go mod tidy, and add it to the repository"
  fi
}

# Sets FLAGS of "go build", TARGETS of BP_GO_TARGETS, and KEEP, the globs of BP_KEEP_FILES.
read_settings() {
  local target glob
  TARGETS=() KEEP=() FLAGS=(-trimpath -buildvcs=false)
  split_words "${BP_GO_BUILD_FLAGS:-}" BP_GO_BUILD_FLAGS
  if [[ " ${WORDS[*]:-} " != *" -ldflags"* && " ${WORDS[*]:-} " != *" --ldflags"* ]]; then
    FLAGS+=("-ldflags=${BP_GO_BUILD_LDFLAGS--s -w}")
  elif [[ -n ${BP_GO_BUILD_LDFLAGS:-} ]]; then
    fail "BP_GO_BUILD_FLAGS and BP_GO_BUILD_LDFLAGS both have flags of the linker" "put them all into BP_GO_BUILD_LDFLAGS"
  fi
  FLAGS+=("${WORDS[@]}")
  IFS=: read -r -a TARGETS <<<"${BP_GO_TARGETS:-}"
  for target in "${TARGETS[@]}"; do
    [[ $target =~ ^(\.|\./[^[:space:]]+|[A-Za-z0-9][^[:space:]]*)$ && /$target/ != */../* ]] ||
      fail "BP_GO_TARGETS: expected packages of the module such as ./cmd/server, found \"$target\"" "separate them by colons: .:./cmd/worker"
  done
  IFS=: read -r -a KEEP <<<"${BP_KEEP_FILES:-}"
  for glob in "${KEEP[@]}"; do
    [[ $glob != /* && /$glob/ != */../* ]] ||
      fail "BP_KEEP_FILES: expected paths of the application, found \"$glob\"" "write them like static/*:templates, without / at the beginning and without .."
  done
}

# split_words TEXT NAME: sets WORDS. Quotes hold words together, as Go's own GOFLAGS has them.
split_words() {
  local rest=$1
  local word='^[[:space:]]*("([^"]*)"|'"'([^']*)'"'|([^[:space:]"'"'"']([^[:space:]]*)))(.*)$'
  WORDS=()
  while [[ $rest =~ [^[:space:]] ]]; do
    [[ $rest =~ $word ]] || fail "$2: a quote is not closed: $rest" "write words with spaces as \"-tags=a b\""
    WORDS+=("${BASH_REMATCH[2]}${BASH_REMATCH[3]}${BASH_REMATCH[4]}")
    rest=${BASH_REMATCH[6]}
  done
}

# Everything that decides what comes out of the compiler, and what is shown of it.
sources_key() {
  {
    printf 'targets of tspack/go-build 1\0%s\0' "$GO_VERSION" "$(uname -m)" "$EXEC_ENV" "$CGO_ENABLED" "$GOFLAGS" "${GOEXPERIMENT:-}" \
      "${GOAMD64:-}" "${GOFIPS140:-}" "${#FLAGS[@]}" "${FLAGS[@]}" "${TARGETS[@]}"
    find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum
    find . -path ./.git -prune -o -type l -printf '%p %l\0' | sort -z
  } | sha256sum | cut -d ' ' -f 1
}
