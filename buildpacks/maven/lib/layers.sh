# shellcheck shell=bash
# Layers and processes. Needs LAYERS, KEY, DEPENDENCIES, EXEC_ENV, NAME, WRAPPED.

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
}

write_layers() {
  local in_tests=false dependencies
  if [[ $EXEC_ENV == test ]]; then in_tests=true; fi
  dependencies=${DEPENDENCIES:-$(restored m2 key)}
  mkdir -p "$LAYERS/m2/env.build" "$LAYERS/m2/repository"
  # Later buildpacks find out there what the libraries of the artifact are.
  printf '%s' "$LAYERS/m2/repository" >"$LAYERS/m2/env.build/MAVEN_LOCAL_REPOSITORY.override"
  printf '[types]\nbuild = true\ncache = true\nlaunch = %s\n\n[metadata]\nkey = "%s"\n' $in_tests "$dependencies" >"$LAYERS/m2.toml"
  if [[ $EXEC_ENV != test ]]; then
    printf '[types]\ncache = true\n\n[metadata]\nkey = "%s"\nname = "%s"\n' "$KEY" "$NAME" >"$LAYERS/application.toml"
  fi
  if [[ -n $WRAPPED ]]; then
    printf '[types]\ncache = true\nlaunch = %s\n\n[metadata]\nversion = "%s"\nsha256 = "%s"\n' $in_tests "$WRAPPED" "$SHA256" >"$LAYERS/maven.toml"
  else
    rm -rf "$LAYERS/maven" "$LAYERS/maven.toml"
  fi
}

test_process() {
  printf '[[processes]]\ntype = "test"\ncommand = ["%s", "--batch-mode", "--offline", "-Dmaven.repo.local=%s", "test"]\nexec-env = ["test"]\n' \
    "$([[ -n $WRAPPED ]] && printf %s "$MVN" || printf mvn)" "$LAYERS/m2/repository" >"$LAYERS/launch.toml"
  say "test: mvn test"
}
