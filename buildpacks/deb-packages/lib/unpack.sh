# shellcheck shell=bash
# Packages into a directory that works where it is. Needs output.sh, base.sh; SCRATCH, CACHE, ARCH, BUILDPACK_DIR.

# unpack ROOT: the packages of the plan, without what only people at a terminal read. Maintainer scripts never run.
unpack() {
  local root=$1 link
  mkdir -p "$root"/usr/{bin,sbin,lib}
  for link in bin sbin lib; do ln -s "usr/$link" "$root/$link"; done
  if [[ $ARCH == amd64 ]]; then
    mkdir "$root/usr/lib64"
    ln -s usr/lib64 "$root/lib64"
  fi
  mkdir -p "$root/var/lib/dpkg/status.d"
  # Uncompressing is most of the work, so several packages are done at once; no two have the same file.
  cut -d ' ' -f 3 "$SCRATCH/plan" | tr '\n' '\0' |
    xargs -0 -r -n 1 -P "$(nproc)" bash "$BUILDPACK_DIR/lib/unpack-one.sh" "$root" "$CACHE/archives" "$SCRATCH/exclude" ||
    fail "a package can not be unpacked" "build with --clear-cache; if that does not help, it does not fit to the others"
  if [[ -d $root/usr/share/doc ]]; then
    find "$root/usr/share/doc" -mindepth 2 ! -type d ! -name copyright -delete
    find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
  fi
  find "$root" -type f -perm /6000 -exec chmod u-s,g-s {} +
  find "$root" -type d ! -perm -0755 -exec chmod u+rwx,go+rx {} +
}

# settle ROOT IMAGE: does what maintainer scripts would, and makes every path inside lead into ROOT. IMAGE is whose
# packages are there already.
settle() {
  local root=$1
  base_directories "" "$2" >"$SCRATCH/base-directories"
  alternatives "$root"
  certificates_of_java "$root"
  registers "$root"
  settings_of_php "$root"
  "$BUILDPACK_DIR/lib/relocate.pl" "$root" "$SCRATCH/base-directories"
  find "$root" -type d -empty ! -path "$root/usr/*" -delete
}

# matching PATTERN: sets MATCHING to the paths that are there, the highest version first. Asked so often that it starts no
# process where one path or none is there.
matching() {
  local IFS=
  MATCHING=()
  shopt -s nullglob
  # shellcheck disable=SC2206 # a pattern
  MATCHING=($1)
  shopt -u nullglob
  if [[ ! -e ${MATCHING[0]:-} ]]; then MATCHING=(); fi
  if ((${#MATCHING[@]} > 1)); then mapfile -t MATCHING < <(printf '%s\n' "${MATCHING[@]}" | sort -rV); fi
}

# Links that update-alternatives would make; the table has "LINK TARGET", where * stands for a version.
alternatives() {
  local root=$1 line link target found
  while read -r link target; do
    if [[ $link == "#"* || -z $link ]]; then continue; fi
    target=${target//TRIPLET/$TRIPLET} link=${link//TRIPLET/$TRIPLET}
    matching "$root$target"
    found=${MATCHING[0]:-}
    if [[ -n $found && ! -e $root$link && ! -L $root$link ]]; then
      mkdir -p "$(dirname "$root$link")"
      ln -s --relative "$found" "$root$link"
    fi
  done <"$BUILDPACK_DIR/lib/alternatives"
  # Java's packages list theirs themselves.
  for line in "$root"/usr/lib/jvm/.*.jinfo; do
    [[ -f $line ]] || continue
    while read -r _ link target; do
      if [[ $target == /usr/lib/jvm/*/bin/* && -e $root$target && ! -e $root/usr/bin/$link ]]; then
        ln -s --relative "$root$target" "$root/usr/bin/$link"
      fi
    done < <(grep -E '^(hl|jre|jdk|jdkhl|plugin) ' "$line")
  done
}

# registers ROOT: what packages find their own plugins by, made with their own programs.
registers() {
  local root=$1 libraries=$1/usr/lib/$TRIPLET pixbuf
  pixbuf=$root/usr/lib/$TRIPLET/gdk-pixbuf-2.0
  if [[ -d $root/usr/lib/$TRIPLET/graphviz && -x $root/usr/bin/dot ]]; then
    GVBINDIR=$root/usr/lib/$TRIPLET/graphviz LD_LIBRARY_PATH=$libraries "$root/usr/bin/dot" -c ||
      printf 'WARNING: the plugins of graphviz could not be registered\n'
  fi
  if [[ -x $pixbuf/gdk-pixbuf-query-loaders && -d $pixbuf/2.10.0/loaders ]]; then
    GDK_PIXBUF_MODULEDIR=$pixbuf/2.10.0/loaders LD_LIBRARY_PATH=$libraries "$pixbuf/gdk-pixbuf-query-loaders" >"$pixbuf/2.10.0/loaders.cache" ||
      printf 'WARNING: the loaders of gdk-pixbuf could not be registered\n'
  fi
}

# PHP's packages have their settings beside them, and link them when they are configured. Extensions are found where
# extension_dir says.
settings_of_php() {
  local root=$1 php version scan file name
  for php in "$root"/usr/bin/php[0-9]*.[0-9]; do
    [[ -x $php ]] || continue
    version=${php##*/php}
    scan=$root/etc/php/$version/cli/conf.d
    mkdir -p "$scan"
    printf 'extension_dir = "%s"\n' "$(compgen -G "$root/usr/lib/php/20*" | tail -n 1)" >"$scan/00-directory.ini"
    for file in "$root"/usr/share/php"$version"-*/*/*.ini; do
      [[ -f $file ]] || continue
      name=${file##*/}
      # Their order, as in: ; priority=20
      ln -sf --relative "$file" "$scan/$(sed -n -E 's/^; *priority=([0-9]+).*/\1/p' "$file" | head -n 1)-$name"
    done
  done
}

# Java reads certificates from a file that ca-certificates-java makes of the system's.
certificates_of_java() {
  local root=$1
  [[ -d $root/usr/share/ca-certificates-java || -d $root/etc/ssl/certs/java ]] || return 0
  if ! command -v python3 >/dev/null; then
    printf 'WARNING: no python3 in the build image: Java gets no certificates\n'
    return 0
  fi
  mkdir -p "$root/etc/ssl/certs/java"
  python3 "$BUILDPACK_DIR/lib/java_certificates.py" /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/java/cacerts"
}
