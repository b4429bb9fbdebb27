# shellcheck shell=bash
# The program init. Needs output.sh; BUILDPACK_DIR, LAYERS and SCRATCH.

# Makes the layer "init", or keeps the one that the same compiler made of the same source.
make_program() {
  local source=$BUILDPACK_DIR/lib/source libc key
  need_tools jq
  command -v cc >/dev/null || no_compiler "there is no C compiler (cc) in the build image"
  libc=$(c_library)
  # What has an influence on the result: a variable could bring other headers and libraries.
  key=$({ cat "$source"/*.[ch] "$BUILDPACK_DIR/lib/program.sh" && cc --version && cc -dumpmachine && echo "$libc"; } | sha256sum)
  key=${key%% *}
  if [[ -x $LAYERS/init/bin/init && $(restored key) == "$key" ]]; then
    say "Reusing cached init: same source, same compiler"
  else
    compile "$source"
    say "Compiled init: $(($(stat -c %s "$LAYERS/init/bin/init") / 1000)) kB, static"
  fi
  write_sbom "$libc"
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

# Version and architecture of the C library that becomes part of the program; nothing where no package of Debian has it.
c_library() {
  # shellcheck disable=SC2016 # dpkg's own variables
  dpkg-query --show --showformat='${Version} ${Architecture}\n' libc6-dev 2>/dev/null || true
}

os_release() { sed -n -E "s/^$1=\"?([^\"]*)\"?$/\1/p" /etc/os-release; }

# compile SOURCE: static, because the run image may have another C library or none. No paths and no build id get in.
compile() {
  (
    cd "$SCRATCH"
    cc -std=c99 -Os -Wall -static -s -Wl,--build-id=none -o init "$1"/*.c
  ) >"$SCRATCH/cc.log" 2>&1 || {
    cat "$SCRATCH/cc.log" >&2
    no_compiler "the C compiler of the build image can not make a static program"
  }
  rm -rf "$LAYERS/init"
  mkdir -p "$LAYERS/init/bin"
  mv "$SCRATCH/init" "$LAYERS/init/bin/init"
  chmod 0755 "$LAYERS/init/bin/init"
}

# write_sbom LIBC: what the layer is made of.
write_sbom() {
  local format program version
  program=$(sha256sum <"$LAYERS/init/bin/init")
  version=$(sed -n -E '/^\[buildpack\]/,/^\[\[/s/^version = "(.*)"/\1/p' "$BUILDPACK_DIR/buildpack.toml")
  for format in cdx spdx; do
    jq -n --arg format "$format" --arg program "${program%% *}" --arg version "$version" --arg libc "$1" \
      --arg distro "$(os_release ID)" --arg release "$(os_release VERSION_ID)" \
      -f "$BUILDPACK_DIR/lib/sbom.jq" >"$LAYERS/init.sbom.$format.json"
  done
}

no_compiler() {
  fail "$1" "init is compiled in the build: use a build image with gcc and libc6-dev, such as the default builder's"
}
