# shellcheck shell=bash
# Which packages are commands, and their compilation. Needs output.sh; what settings.sh sets.

# Sets TARGETS, and NAMES, the names that Go gives their programs.
find_targets() {
  local from="BP_GO_TARGETS" listed
  if ((${#TARGETS[@]} == 0)); then default_targets && from="found"; fi
  go list -f '{{.Name}} {{.ImportPath}} {{.Target}}' "${TARGETS[@]}" >"$SCRATCH/targets" 2>"$SCRATCH/go.log" ||
    go_failed "these packages cannot be loaded ($from): ${TARGETS[*]}"
  NAMES=()
  while read -r name path listed; do
    [[ $name == main ]] || fail "$path is no command: its package is $name, not main ($from)" "name packages with a main function in BP_GO_TARGETS"
    NAMES+=("${listed##*/}")
  done <"$SCRATCH/targets"
  ((${#NAMES[@]} > 0)) || fail "no package matches ${TARGETS[*]}" "name packages with a main function in BP_GO_TARGETS"
  listed=$(printf '%s\n' "${NAMES[@]}" | sort | uniq -d | head -n 1)
  [[ -z $listed ]] || fail "two programs have the name $listed: ${TARGETS[*]}" "rename the directory of one"
}

# The command in the root directory, else all in cmd, else the only one that there is.
default_targets() {
  local -a all=() below=()
  [[ -f go.mod ]] || fail "go.work alone does not say what to build" "name the commands in BP_GO_TARGETS, such as ./server:./worker"
  go list -f '{{if eq .Name "main"}}{{.Dir}}{{end}}' ./... >"$SCRATCH/mains" 2>"$SCRATCH/go.log" || go_failed "the module cannot be loaded"
  mapfile -t all < <(sed -e "s#^$PWD\$#.#" -e "s#^$PWD/#./#" "$SCRATCH/mains" | sort)
  if printf '%s\n' "${all[@]}" | grep -qxF .; then
    TARGETS=(.)
  else
    mapfile -t below < <(printf '%s\n' "${all[@]}" | grep '^\./cmd/')
    if ((${#below[@]} > 0)); then TARGETS=("${below[@]}"); else TARGETS=("${all[@]}"); fi
    if ((${#TARGETS[@]} == 0)); then fail "the module has no command: no package main" "tspack builds programs; name the directory of one in BP_GO_TARGETS"; fi
    if ((${#below[@]} == 0 && ${#all[@]} > 1)); then
      fail "there is more than one command, and none in the root directory or in cmd: ${all[*]}" "name those of the image in BP_GO_TARGETS, such as ${all[0]}:${all[1]}"
    fi
  fi
}

compile() {
  rm -rf "$LAYERS/targets"
  mkdir -p "$LAYERS/targets/bin"
  say "go build ${FLAGS[*]} ${TARGETS[*]} ($GO_VERSION, CGO_ENABLED=$CGO_ENABLED)"
  # Messages of the compiler are for people: they are shown as they come.
  go build "${FLAGS[@]}" -o "$LAYERS/targets/bin/" "${TARGETS[@]}" 2> >(tee "$SCRATCH/go.log" | redact >&2) || go_failed "go build failed"
  local name
  for name in "${NAMES[@]}"; do
    [[ -x $LAYERS/targets/bin/$name ]] || fail "go build made no program $name" "remove -o and -buildmode from BP_GO_BUILD_FLAGS"
    say "Compiled $name: $(($(stat -c %s "$LAYERS/targets/bin/$name") / 1000)) kB"
  done
}

# Modules that only tests need are fetched by this, too.
vet() {
  say "go vet ./..."
  go vet ./... 2> >(tee "$SCRATCH/go.log" | redact >&2) || go_failed "go vet found something"
}

# how_private: what makes a private module work.
how_private() {
  printf 'set GOPRIVATE to the beginning of its path (now: %s), and give the credentials as a file .netrc in a service binding of type netrc, with https in place of ssh; or run go mod vendor and add the result to the repository' "${GOPRIVATE:-nothing}"
}

# go_failed WHAT: with Go's first line about it, and what helps.
go_failed() {
  local first hint
  # The shell does not wait for tee.
  wait
  first=$(grep -v '^[[:space:]]*$\|^go: downloading\|^go: finding\|^#' "$SCRATCH/go.log" | head -n 1 | redact)
  first=${first#go: }
  first=${first%; to add*}
  case $(<"$SCRATCH/go.log") in
    *"missing go.sum entry"* | *"updates to go.mod needed"* | *"updates to go.sum needed"* | *"no required module provides"*)
      hint="go.mod and go.sum do not fit the sources: run go mod tidy and add both to the repository" ;;
    *"SECURITY ERROR"* | *"checksum mismatch"*) hint="a module is not what go.sum says; nothing of it was kept. Compare go.sum with its earlier version, and GOPROXY" ;;
    *"inconsistent vendoring"*) hint="go.mod and vendor/modules.txt differ: run go mod vendor and add the result to the repository" ;;
    *"terminal prompts disabled"* | *"could not read Username"* | *"Authentication failed"* | *"401 Unauthorized"* | *"403 Forbidden"* | *"Permission denied (publickey"*)
      hint="a private module: $(how_private)" ;;
    *"404 Not Found"* | *"410 Gone"* | *"unrecognized import path"*)
      hint="correct the module's name or version; if it is private, $(how_private)" ;;
    *"(running go "*) hint="ask for the newer Go in go.mod (go get go@latest), or by BP_GO_VERSION" ;;
    *"no such host"* | *"dial tcp"* | *"connection refused"* | *"i/o timeout"* | *"module lookup disabled"* | *"x509:"*)
      hint="check that the build may use the network, GOPROXY (now: $(go env GOPROXY | redact)) and the certificates (SSL_CERT_FILE)" ;;
    *"C compiler"*) hint="the build image has no C compiler; leave CGO_ENABLED away or use another build image" ;;
    *) hint="correct what Go objects to above; BP_GO_TARGETS and BP_GO_BUILD_FLAGS change what is built" ;;
  esac
  fail "$1${first:+: ${first%:}}" "$hint"
}
