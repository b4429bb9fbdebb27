# shellcheck shell=bash
# What the base images have already.

# Only maintainer scripts and services need these, and none of them runs here. They count as installed unless asked for.
NOT_NEEDED="adduser debconf dpkg init-system-helpers install-info lsb-base sysvinit-utils ucf usr-is-merged usrmerge"

# installed ROOT IMAGE: the packages of the build image, or those of the run image below it, as paragraphs of dpkg's
# status. Their own dependencies are met by the base, also where it leaves some out on purpose, so they are not in it.
installed() {
  local directory=$1/var/lib/dpkg image=$2
  {
    if [[ -d $directory/status.d ]]; then
      find "$directory/status.d" -type f ! -name '*.md5sums' -exec awk 'FNR == 1 { print "" } { print }' {} +
      echo
    fi
    if [[ -s $directory/status ]]; then cat "$directory/status"; fi
  } | awk -v image="$image" -v list="$directory/build-packages" '
    BEGIN {
      RS = ""; FS = "\n"
      if (image == "run") {
        RS = "\n"
        while ((getline name < list) > 0) { only_build[name] = 1; exact = 1 }
        RS = ""
      }
    }
    {
      split("", field)
      for (i = 1; i <= NF; i++) if (match($i, /^[A-Za-z-]+:/)) field[substr($i, 1, RLENGTH - 1)] = substr($i, RLENGTH + 2)
      name = field["Package"]
      if (field["Status"] !~ / installed$/ || name in only_build) next
      if (image == "run" && !exact && field["Essential"] != "yes" && name !~ /^(libc6|libgcc-s1|gcc-[0-9]+-base|libcrypt1)$/) next
      print "Package: " name "\nStatus: install ok installed\nMaintainer: base image"
      n = split("Version Architecture Multi-Arch Provides", wanted, " ")
      for (i = 1; i <= n; i++) if (field[wanted[i]] != "") print wanted[i] ": " field[wanted[i]]
      print "Description: in the base image\n"
    }'
}

# not_needed REQUESTS: paragraphs for what is never taken, except what is asked for by name.
not_needed() {
  local name asked=" $* "
  for name in $NOT_NEEDED; do
    if [[ $asked == *" $name "* || $asked == *" $name="* ]]; then continue; fi
    printf 'Package: %s\nStatus: install ok installed\nMaintainer: none\nVersion: 9999:0\nArchitecture: all\nMulti-Arch: foreign\n' "$name"
    case $name in
      debconf) printf 'Provides: debconf-2.0 (= 9999:0)\n' ;;
      sysvinit-utils) printf 'Provides: lsb-base (= 9999:0)\n' ;;
    esac
    printf 'Description: not needed\n\n'
  done
}

# base_directories ROOT IMAGE: the directories of those packages, one a line, as the packages name them. ARCH is set.
base_directories() {
  local directory=$1/var/lib/dpkg name list
  installed "$1" "$2" | sed -n 's/^Package: //p' | while IFS= read -r name; do
    for list in "$directory/status.d/$name" "$directory/info/$name" "$directory/info/$name:$ARCH"; do
      if [[ -f $list.md5sums ]]; then printf '%s.md5sums\0' "$list"; fi
    done
  done | xargs -0 -r cat | sed -E 's/^[0-9a-f]+  ?//; s#/?[^/]*$##' | LC_ALL=C sort -u
}

os_release() { sed -n -E "s/^$1=\"?([^\"]*)\"?$/\1/p" /etc/os-release | head -n 1; }

triplet() {
  case $1 in
    amd64) printf x86_64-linux-gnu ;;
    arm64) printf aarch64-linux-gnu ;;
    *) fail "Debian packages for the architecture $1 are not supported" "build for amd64 or arm64" ;;
  esac
}
