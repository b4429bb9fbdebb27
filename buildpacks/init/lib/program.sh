# shellcheck shell=bash
# The program init. Needs output.sh; BUILDPACK_DIR, LAYERS and SCRATCH.

# Makes the layer "init", or keeps the one that the same compiler made of the same source.
make_program() {
  local source=$BUILDPACK_DIR/lib/init.c key
  command -v cc >/dev/null || no_compiler "there is no C compiler (cc) in the build image"
  # What has an influence on the result: a variable could bring other headers and libraries.
  key=$({ cat "$source" "$BUILDPACK_DIR/lib/program.sh" && cc --version && cc -dumpmachine; } | sha256sum)
  key=${key%% *}
  if [[ -x $LAYERS/init/bin/init && $(restored key) == "$key" ]]; then
    say "Reusing cached init: same source, same compiler"
  else
    compile "$source"
    say "Compiled init: $(($(stat -c %s "$LAYERS/init/bin/init") / 1000)) kB, static"
  fi
  cat >"$LAYERS/init.toml" <<TOML
[types]
launch = true
cache = true

[metadata]
key = "$key"
TOML
}

# restored KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/init.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/init.toml" | head -n 1
}

# compile SOURCE: static, because the run image may have another C library or none. No paths and no build id get in.
compile() {
  (
    cd "$SCRATCH"
    cp "$1" init.c
    cc -std=c99 -Os -Wall -static -s -Wl,--build-id=none -o init init.c
  ) >"$SCRATCH/cc.log" 2>&1 || {
    cat "$SCRATCH/cc.log" >&2
    no_compiler "the C compiler of the build image can not make a static program"
  }
  rm -rf "$LAYERS/init"
  mkdir -p "$LAYERS/init/bin"
  mv "$SCRATCH/init" "$LAYERS/init/bin/init"
  chmod 0755 "$LAYERS/init/bin/init"
}

no_compiler() {
  fail "$1" "init is compiled in the build: use a build image with gcc and libc6-dev, such as the default builder's"
}
