# shellcheck shell=bash
# The environment of a layer. Needs output.sh, unpack.sh; ARCH, TRIPLET, BUILDPACK_DIR.

# environment ROOT: for the build and the app.
environment() {
  local root=$1
  rm -rf "$root/env" "$root/env.build" "$root/env.launch"
  mkdir -p "$root/env" "$root/env.build"
  listed "$root" env PATH usr/local/bin usr/sbin usr/bin usr/games
  mapfile -t private < <(library_directories "$root")
  listed "$root" env LD_LIBRARY_PATH "usr/lib/$TRIPLET" usr/lib "${private[@]}"
  listed "$root" env.build LIBRARY_PATH "usr/lib/$TRIPLET" usr/lib
  listed "$root" env.build CPATH "usr/include/$TRIPLET" usr/include
  listed "$root" env.build PKG_CONFIG_PATH "usr/lib/$TRIPLET/pkgconfig" usr/lib/pkgconfig usr/share/pkgconfig
  listed "$root" env.build CMAKE_PREFIX_PATH usr/lib/cmake usr/share/cmake "usr/lib/$TRIPLET/cmake"
  # What is empty is the default for these, so that the default has to be said.
  if [[ -d $root/usr/share/mime || -d $root/usr/share/icons || -d $root/usr/share/glib-2.0 ]]; then
    listed "$root" env XDG_DATA_DIRS usr/share
    printf ':/usr/local/share:/usr/share' >>"$root/env/XDG_DATA_DIRS.prepend"
  fi
  programs "$root"
}

# listed ROOT ENV NAME DIRECTORIES...: those that are there, before the variable's other directories.
listed() {
  local root=$1 env=$2 name=$3 value="" directory
  shift 3
  for directory in "$@"; do
    if [[ -n $directory && -d $root/$directory && -n $(ls -A "$root/$directory") ]]; then value+=":$root/$directory"; fi
  done
  if [[ -n $value ]]; then
    printf '%s' "${value#:}" >"$root/$env/$name.prepend"
    printf ':' >"$root/$env/$name.delim"
  fi
}

# Directories that packages tell the loader of, in its configuration and in programs, relative to the root.
library_directories() {
  local root=$1 file line
  "$BUILDPACK_DIR/lib/runpaths.pl" "$root"
  for file in "$root"/etc/ld.so.conf.d/*.conf; do
    [[ -f $file ]] || continue
    while IFS= read -r line; do
      line=${line#"$root"}
      if [[ $line == /* ]]; then printf '%s\n' "${line#/}"; fi
    done <"$file"
  done
}

# Variables for programs that look for their files in a place that is compiled in: the table has "VARIABLE HOW PATTERN...",
# HOW is default (the first that is there) or prepend (all of them).
programs() {
  local root=$1 variable how pattern found value
  local -a patterns
  while read -r variable how pattern; do
    if [[ -z $variable || $variable == "#"* ]]; then continue; fi
    read -r -a patterns <<<"$pattern"
    value=""
    for pattern in "${patterns[@]}"; do
      matching "$root/${pattern//TRIPLET/$TRIPLET}"
      for found in "${MATCHING[@]}"; do
        if [[ $how == prepend || -z $value ]]; then value+=":$found"; fi
      done
    done
    if [[ -z $value ]]; then continue; fi
    printf '%s' "${value#:}" >"$root/env/$variable.$how"
    if [[ $how == prepend ]]; then printf ':' >"$root/env/$variable.delim"; fi
  done <"$BUILDPACK_DIR/lib/variables"
}
