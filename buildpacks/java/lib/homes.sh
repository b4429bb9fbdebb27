# shellcheck shell=bash
# Where Java is. Needs output.sh, version.sh; PLAN, EXEC_ENV.

# wanted NAME: does the plan have this entry?
wanted() { grep -Eq "^[[:space:]]*name[[:space:]]*=[[:space:]]*[\"']$1[\"']" "$PLAN"; }

# roots: of file systems in which programs and libraries are, nearest first; the image's own is the last.
roots() {
  local -a directories=()
  IFS=: read -r -a directories <<<"${PATH:-}:${LD_LIBRARY_PATH:-}:${LIBRARY_PATH:-}"
  printf '%s\n' "${directories[@]}" | sed -n -E 's#^(/.+)/usr/(s?bin|lib(/.*)?)/?$#\1#p' | awk '!seen[$0]++'
  printf '%s\n' "${IMAGE_ROOT-}"
}

release_of() { sed -n -E 's/^JAVA_VERSION="([^"]*)".*/\1/p' "$1/release" 2>/dev/null | head -n 1; }

# Sets JDK and JRE, directories as of JAVA_HOME or nothing. In layers a JRE stands for itself; for tests it is the JDK.
find_homes() {
  local root home found
  JDK="" JRE=""
  while IFS= read -r root; do
    for home in "$root"/usr/lib/jvm/*; do
      if [[ ! -x $home/bin/java || -L $home ]]; then continue; fi
      found=$(release_of "$home")
      if [[ $VERSION != default && $(major "${found:-0}") != "$VERSION" ]]; then continue; fi
      if [[ -x $home/bin/javac && -z $JDK ]]; then JDK=$home; fi
      if [[ -z $JRE && ( ! -x $home/bin/javac || $EXEC_ENV == test || $root == "${IMAGE_ROOT-}" ) ]]; then JRE=$home; fi
    done
  done < <(roots)
}

check_homes() {
  local what=""
  if wanted jdk && [[ -z $JDK ]]; then what="JDK"; elif wanted jre && [[ -z $JRE ]]; then what="JRE"; fi
  [[ -z $what ]] || fail "there is no $what ${VERSION#default} in the layers of packages or in the build image" \
    "put tspack/deb-packages before tspack/java into the group, or use images that have Java"
}
