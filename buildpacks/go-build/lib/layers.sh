# shellcheck shell=bash
# Layers, processes and bills of materials. Needs LAYERS, KEY, NAMES, EXEC_ENV, GO_VERSION, SCRATCH, BUILDPACK_DIR.

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
}

write_layers() {
  local in_tests=false
  if [[ $EXEC_ENV == test ]]; then in_tests=true; fi
  printf '[types]\nlaunch = true\n\n[metadata]\nkey = "%s"\nnames = "%s"\n' "$KEY" "${NAMES[*]}" >"$LAYERS/targets.toml"
  printf '[types]\ncache = true\n' >"$LAYERS/cache.toml"
  printf '[types]\ncache = true\nlaunch = %s\n' $in_tests >"$LAYERS/modules.toml"
  rm -rf "$LAYERS/modules/env.launch"
  if [[ $in_tests == true ]]; then test_environment; fi
}

# What "go test" needs in the image. Where it compiles has to be writable.
test_environment() {
  local variables=$LAYERS/modules/env.launch
  mkdir -p "$variables"
  printf '%s' "$LAYERS/modules" >"$variables/GOMODCACHE.override"
  printf /tmp/go-cache >"$variables/GOCACHE.default"
  printf /tmp/go >"$variables/GOPATH.default"
  printf '%s' "$CGO_ENABLED" >"$variables/CGO_ENABLED.default"
}

# The program named "web" is the default process; when none has that name, the first one is the process "web".
write_processes() {
  local name type web=${NAMES[0]}
  : >"$LAYERS/launch.toml"
  for name in "${NAMES[@]}"; do if [[ $name == web ]]; then web=web; fi; done
  for name in "${NAMES[@]}"; do
    type=$name
    if [[ $name == "$web" ]]; then type=web; fi
    printf '[[processes]]\ntype = "%s"\ncommand = ["%s"]\ndefault = %s\n\n' "$type" "$name" \
      "$([[ $type == web ]] && printf true || printf false)" >>"$LAYERS/launch.toml"
    say "$type: $name"
  done
  if [[ $EXEC_ENV == test ]]; then
    printf '[[processes]]\ntype = "test"\ncommand = ["go", "test", "./..."]\nexec-env = ["test"]\n' >>"$LAYERS/launch.toml"
    say "test: go test ./..."
  fi
}

# What the linker put into the programs, not what go.mod lists: modules that only tests need are not among them.
write_sboms() {
  local name
  for name in "${NAMES[@]}"; do go version -m "$LAYERS/targets/bin/$name"; done >"$SCRATCH/build-info"
  jq -R -s --arg go "${GO_VERSION#go}" -f "$BUILDPACK_DIR/lib/modules.jq" "$SCRATCH/build-info" >"$SCRATCH/modules.json"
  jq -f "$BUILDPACK_DIR/lib/cyclonedx.jq" "$SCRATCH/modules.json" >"$LAYERS/targets.sbom.cdx.json"
  jq --arg key "$KEY" -f "$BUILDPACK_DIR/lib/spdx.jq" "$SCRATCH/modules.json" >"$LAYERS/targets.sbom.spdx.json"
}
